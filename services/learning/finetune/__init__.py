"""Fine-tuning: a classification head, instructions, LoRA, preference pairs."""
