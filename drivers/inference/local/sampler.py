"""From logits to the next token.

Interface:
    Sampler         one request's settings and its own random source
    logprob         a token's natural log-probability
"""

from __future__ import annotations

import torch
from torch import Tensor

#: Below it chance has no say: a smaller divisor only takes the logits out of a float's range.
COLDEST = 1e-4


class Sampler:
    """Greedy when cold; else top-k, top-p (nucleus; Holtzman et al. 2020), then chance."""

    def __init__(self, *, temperature: float, top_p: float, top_k: int, seed: int | None) -> None:
        self._temperature = temperature
        self._top_p = top_p
        self._top_k = top_k
        self._random = torch.Generator()
        if seed is None:
            self._random.seed()
        else:
            self._random.manual_seed(seed & 0x7FFF_FFFF_FFFF_FFFF)

    def pick(self, logits: Tensor, likeliest: int) -> int:
        """Return a token of logits [vocabulary], whose largest is that of `likeliest`."""
        if self._temperature < COLDEST:
            return likeliest
        logits = logits.float() / self._temperature
        if self._top_k:
            least = logits.topk(min(self._top_k, len(logits))).values[-1]
            logits = logits.masked_fill(logits < least, float("-inf"))
        chances = logits.softmax(0)
        if self._top_p < 1:
            ordered, order = chances.sort(descending=True)
            # The token that crosses the border still belongs, so the first one always does; a
            # border too small for the type counts as zero.
            beyond = ordered.cumsum(0) - ordered >= self._top_p
            beyond[0] = False
            chances = chances.index_fill(0, order[beyond], 0.0)
        return int(torch.multinomial(chances, 1, generator=self._random))


def logprob(logits: Tensor, token: int) -> float:
    """Return the model's own log-probability of a token, before temperature and cuts."""
    logits = logits.float()
    return float(logits[token] - logits.logsumexp(0))
