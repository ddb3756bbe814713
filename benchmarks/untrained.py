"""Models that have learnt nothing, as fast as others of their shape.

Interface:
    llama           one of them, always with the same weights
"""

from __future__ import annotations

from typing import Any

import torch
from transformers import LlamaConfig, LlamaForCausalLM


def llama(
    vocabulary: int, hidden: int, intermediate: int, layers: int, heads: int, **more: Any
) -> Any:
    """Return an untrained Llama of a shape; `more` are other fields of its configuration."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=hidden,
        intermediate_size=intermediate,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        **more,
    )
    return LlamaForCausalLM(config).train(False)
