"""Parents so small that a step takes no time, with the shipped model's tokenizer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

from llmagentos.services.learning.reference.configuration import ReferenceConfig
from llmagentos.services.learning.reference.model import ReferenceForMaskedLM

EMBEDDED = Path(__file__).parents[4] / "drivers/inference/embedded"


def encoder(folder: Path) -> Path:
    """A masked model of the reference's kind."""
    tokenizer = _tokenizer(folder)
    torch.manual_seed(0)
    config = ReferenceConfig(vocab_size=len(tokenizer), hidden_size=16, num_attention_heads=2)
    ReferenceForMaskedLM(config).save_pretrained(folder)
    return folder


def causal(folder: Path) -> Path:
    """A Llama."""
    tokenizer = _tokenizer(folder)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=16, intermediate_size=32, num_hidden_layers=1,
        num_attention_heads=2, pad_token_id=0, bos_token_id=0, eos_token_id=2,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


def _tokenizer(folder: Path) -> Any:
    tokenizer: Any = AutoTokenizer.from_pretrained(EMBEDDED, local_files_only=True)
    tokenizer.save_pretrained(folder)
    return tokenizer
