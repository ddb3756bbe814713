"""The layers of an encoder and a decoder (Vaswani et al. 2017, sections 3.1 to 3.5).

Interface:
    positions       sinusoids that say where a token stands (3.5)
    FeedForward     the same two linear maps at every position (3.3)
    EncoderLayer    self-attention, feed-forward (3.1)
    DecoderLayer    self-attention, attention to the encoder, feed-forward (3.1)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from .attention import MultiHeadAttention


def positions(length: int, width: int, device: torch.device | None = None) -> Tensor:
    """PE(pos, 2i) = sin(pos / 10000^(2i / width)), PE(pos, 2i + 1) = cos(…) (3.5): [length,
    width]. The encoding of pos + k is a linear map of that of pos, the same for every pos."""
    place = torch.arange(length, device=device)[:, None]
    even = torch.arange(0, width, 2, device=device)
    angle = place / 10_000 ** (even / width)
    return torch.stack([angle.sin(), angle.cos()], -1).flatten(1)[:, :width]


class FeedForward(nn.Module):
    """FFN(x) = max(0, x W_1 + b_1) W_2 + b_2 (formula 2), [B, length, width] → the same."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.first = nn.Linear(width, inner)
        self.second = nn.Linear(inner, width)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.second(self.first(x).relu())
        return out


class Residual(nn.Module):
    """LayerNorm(x + Dropout(Sublayer(x))) (3.1, 5.4).

    With `norm_first`, x + Dropout(Sublayer(LayerNorm(x))) (Xiong et al. 2020, arXiv 2002.04745),
    which needs no warm-up of the learning rate.
    """

    def __init__(self, width: int, dropout: float, norm_first: bool) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)
        self.norm_first = norm_first

    def forward(self, x: Tensor, sublayer: Callable[[Tensor], Any]) -> Tensor:
        if self.norm_first:
            out: Tensor = x + self.dropout(sublayer(self.norm(x)))
        else:
            out = self.norm(x + self.dropout(sublayer(x)))
        return out


class EncoderLayer(nn.Module):
    """Self-attention, then feed-forward, each with its residual (3.1). Under a causal mask it is
    the layer of a model that has a decoder alone."""

    def __init__(
        self, width: int, heads: int, inner: int, dropout: float = 0.0, norm_first: bool = False
    ) -> None:
        super().__init__()
        self.attention = MultiHeadAttention(width, heads)
        self.feed_forward = FeedForward(width, inner)
        self.residuals = nn.ModuleList(Residual(width, dropout, norm_first) for _ in range(2))

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """x [B, length, width], mask that broadcasts to [B, heads, length, length] → as x."""
        x = self.residuals[0](x, lambda y: self.attention(y, y, mask))
        out: Tensor = self.residuals[1](x, self.feed_forward)
        return out


class DecoderLayer(nn.Module):
    """Self-attention, attention to what the encoder made, then feed-forward, each with its
    residual (3.1)."""

    def __init__(
        self, width: int, heads: int, inner: int, dropout: float = 0.0, norm_first: bool = False
    ) -> None:
        super().__init__()
        self.attention = MultiHeadAttention(width, heads)
        self.cross = MultiHeadAttention(width, heads)
        self.feed_forward = FeedForward(width, inner)
        self.residuals = nn.ModuleList(Residual(width, dropout, norm_first) for _ in range(3))

    def forward(
        self, x: Tensor, memory: Tensor, mask: Tensor | None = None, seen: Tensor | None = None
    ) -> Tensor:
        """x [B, new, width] and memory [B, read, width], with masks that broadcast to [B, heads,
        new, new] and [B, heads, new, read] → as x."""
        x = self.residuals[0](x, lambda y: self.attention(y, y, mask))
        x = self.residuals[1](x, lambda y: self.cross(y, memory, seen))
        out: Tensor = self.residuals[2](x, self.feed_forward)
        return out
