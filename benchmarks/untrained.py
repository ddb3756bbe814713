"""Models that have learnt nothing, as fast as others of their shape.

Interface:
    llama           one of them, always with the same weights
    usual           the one that benchmarks serve on a device
"""

from __future__ import annotations

from typing import Any

import torch
from transformers import LlamaConfig, LlamaForCausalLM

#: Tokens that either of the `usual` ones knows.
KNOWN = 32_000


def llama(
    vocabulary: int,
    hidden: int,
    intermediate: int,
    layers: int,
    heads: int,
    *,
    device: str = "cpu",
    **more: Any,
) -> Any:
    """Return an untrained Llama of a shape, on a GPU in 16 bits; `more` are other fields of its
    configuration."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=hidden,
        intermediate_size=intermediate,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        **more,
    )
    if device == "cpu":
        return LlamaForCausalLM(config).train(False)
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.bfloat16)
    try:
        with torch.device(device):
            return LlamaForCausalLM(config).train(False)
    finally:
        torch.set_default_dtype(before)


def usual(device: str = "cpu") -> Any:
    """Return a Llama of 54 million parameters, or on a GPU one of 1.2 billion, of the shape of
    Llama 3.2 1B."""
    rest = {"eos_token_id": None, "pad_token_id": 0, "device": device}
    if device == "cpu":
        return llama(KNOWN, 512, 1376, layers=8, heads=8, max_position_embeddings=1024, **rest)
    shape = {"num_key_value_heads": 8, "head_dim": 64, "tie_word_embeddings": True}
    return llama(
        128_256, 2048, 8192, layers=16, heads=32, max_position_embeddings=4096, **shape, **rest
    )
