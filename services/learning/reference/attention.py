"""Attention as Vaswani et al. wrote it down in 2017 ("Attention Is All You Need", arXiv
1706.03762, of which sections and formulas are named here): the house's yardstick for every faster
way to compute the same.

Interface:
    attend              scaled dot-product attention (3.2.1)
    MultiHeadAttention  several of them beside each other (3.2.2)
    causal, padding     masks, True where a query sees a key
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


def attend(
    query: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Attention(Q, K, V) = softmax(QKᵀ / √d_k) V (formula 1).

    query […, new, d_k], keys […, read, d_k], values […, read, d_v], mask of truth values that
    broadcasts to […, new, read] → what each query finds […, new, d_v], and the weights […, new,
    read], which sum to 1 over the keys. A query that sees no key finds zeros.
    """
    scores = query @ keys.transpose(-2, -1) / keys.shape[-1] ** 0.5
    if mask is None:
        weights = scores.softmax(-1)
    else:
        # Not minus infinity: a row of them alone has no softmax, and its gradient is NaN.
        unseen = ~mask
        scores = scores.masked_fill(unseen, torch.finfo(scores.dtype).min)
        weights = scores.softmax(-1).masked_fill(unseen, 0.0)
    return weights @ values, weights


def causal(new: int, read: int | None = None, device: torch.device | None = None) -> Tensor:
    """The mask of a decoder (3.2.3): [new, read], the last `new` of `read` positions see
    themselves and those before them."""
    read = new if read is None else read
    places = torch.arange(read, device=device)
    return places <= places[read - new :, None]


def padding(real: Tensor) -> Tensor:
    """The mask over a batch of sequences of several lengths: `real` [B, read], 1 for a token and
    0 for padding → [B, 1, 1, read], which fits heads and queries."""
    return real.bool()[:, None, None, :]


class MultiHeadAttention(nn.Module):
    """MultiHead(Q, K, V) = Concat(head_1, …, head_h) W^O, where head_i = Attention(Q W_i^Q, K
    W_i^K, V W_i^V) (3.2.2).

    The heads' matrices lie beside each other in one of [width, width]; d_k = d_v = width / heads.
    The linear maps have biases, which the paper leaves out and most models have.
    """

    def __init__(self, width: int, heads: int) -> None:
        """Raises `ValueError` where the heads do not part the width evenly."""
        super().__init__()
        if width % heads:
            raise ValueError(f"{heads} heads cannot share a width of {width}")
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.keys = nn.Linear(width, width)
        self.values = nn.Linear(width, width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor, memory: Tensor, mask: Tensor | None = None) -> Tensor:
        """Let `x` [B, new, width] look at `memory` [B, read, width], itself for self-attention,
        through a mask that broadcasts to [B, heads, new, read] → [B, new, width]."""
        query, keys, values = (
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for part in (self.query(x), self.keys(memory), self.values(memory))
        )
        found, _ = attend(query, keys, values, mask)
        out: Tensor = self.out(found.transpose(1, 2).flatten(2))
        return out
