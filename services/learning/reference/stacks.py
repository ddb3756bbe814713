"""A stack of layers over embedded tokens: an encoder, and a decoder (Vaswani et al. 2017, 3.1).

Interface:
    Embedding       tokens and their places, as vectors (3.4, 3.5)
    Encoder         each token sees all, or those before it
    Decoder         each token sees those before it, and what an encoder made
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

from .attention import causal, padding
from .layers import DecoderLayer, EncoderLayer, positions

if TYPE_CHECKING:
    from .configuration import ReferenceConfig


class Embedding(nn.Module):
    """Embedding(token) · √width + PE(place), with dropout on the sum (3.4, 5.4)."""

    def __init__(self, config: ReferenceConfig) -> None:
        super().__init__()
        self.tokens = nn.Embedding(config.vocab_size, config.hidden_size)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, tokens: Tensor) -> Tensor:
        """tokens [B, length] → [B, length, width]."""
        x = self.tokens(tokens)
        places = positions(x.shape[1], x.shape[2], x.device).to(x.dtype)
        out: Tensor = self.dropout(x * x.shape[2] ** 0.5 + places)
        return out


class Encoder(nn.Module):
    """N equal layers; where they norm first, a norm stands after the last."""

    def __init__(self, config: ReferenceConfig) -> None:
        super().__init__()
        self.layers = nn.ModuleList(EncoderLayer(*_sizes(config)) for _ in range(_depth(config)))
        self.norm = nn.LayerNorm(config.hidden_size) if config.norm_first else nn.Identity()
        self.causal = config.is_decoder

    def forward(self, x: Tensor, real: Tensor | None = None) -> Tensor:
        """x [B, length, width], `real` [B, length] 1 for tokens, 0 for padding → as x."""
        mask = _mask(x, real, before=self.causal)
        for layer in self.layers:
            x = layer(x, mask)
        out: Tensor = self.norm(x)
        return out


class Decoder(nn.Module):
    """N equal layers; where they norm first, a norm stands after the last."""

    def __init__(self, config: ReferenceConfig) -> None:
        super().__init__()
        self.layers = nn.ModuleList(DecoderLayer(*_sizes(config)) for _ in range(_depth(config)))
        self.norm = nn.LayerNorm(config.hidden_size) if config.norm_first else nn.Identity()

    def forward(
        self, x: Tensor, memory: Tensor, real: Tensor | None = None, seen: Tensor | None = None
    ) -> Tensor:
        """x [B, new, width], memory [B, read, width]; `real` [B, new] and `seen` [B, read] are 1
        for tokens, 0 for padding → as x."""
        mask = _mask(x, real, before=True)
        across = None if seen is None else padding(seen)
        for layer in self.layers:
            x = layer(x, memory, mask, across)
        out: Tensor = self.norm(x)
        return out


def _mask(x: Tensor, real: Tensor | None, *, before: bool) -> Tensor | None:
    mask = None if real is None else padding(real)
    if before:
        earlier = causal(x.shape[1], device=x.device)
        mask = earlier if mask is None else mask & earlier
    return mask


def _sizes(config: ReferenceConfig) -> tuple[int, int, int, float, bool]:
    inner = config.intermediate_size
    return (
        config.hidden_size, config.num_attention_heads, inner, config.dropout, config.norm_first
    )  # fmt: skip


def _depth(config: ReferenceConfig) -> int:
    return config.num_hidden_layers
