"""The shape of the embedded model, and a fresh one with random weights.

LFM2: short convolutions give copying (a token knows its last neighbours) almost at once, and
attention in between finds what is to be copied.

Interface:
    Shape           width, depth, heads
    configure       the transformers configuration of a shape
    build           a fresh model; deterministic by seed
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["CONTEXT", "Shape", "build", "configure"]

#: Tokens of a context.
CONTEXT = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Sizes of the model."""

    width: int = 160
    inner: int = 448
    heads: int = 4
    #: Pairs of a convolution and an attention layer.
    pairs: int = 3
    #: Tokens that a convolution sees. Names are spelt in bytes: five of them are a landmark.
    taps: int = 5


def configure(tokenizer: Any, shape: Shape) -> Any:
    """Return the `Lfm2Config` of a shape over a tokenizer's vocabulary."""
    from transformers import Lfm2Config

    return Lfm2Config(
        vocab_size=len(tokenizer),
        hidden_size=shape.width,
        intermediate_size=shape.inner,
        num_hidden_layers=2 * shape.pairs,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.heads,
        layer_types=["conv", "full_attention"] * shape.pairs,
        conv_L_cache=shape.taps,
        block_auto_adjust_ff_dim=False,
        max_position_embeddings=CONTEXT,
        rope_parameters={"rope_type": "default", "rope_theta": 100_000.0},
        bos_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )


def build(tokenizer: Any, shape: Shape, seed: int) -> Any:
    """Return a fresh `Lfm2ForCausalLM` in float32."""
    import torch
    from transformers import Lfm2ForCausalLM

    torch.manual_seed(seed)
    model: Any = Lfm2ForCausalLM(configure(tokenizer, shape))
    return model.float()
