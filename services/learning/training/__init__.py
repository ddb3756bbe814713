"""What all training jobs share: corpora, tokenizers, the trainer's harness, checkpoints."""
