"""From logits to the next token.

Interface:
    Sampler         one request's settings and its own random source
"""

from __future__ import annotations

import torch
from torch import Tensor


class Sampler:
    """Greedy at temperature 0; else top-k, top-p (nucleus; Holtzman et al. 2020), then chance."""

    def __init__(self, *, temperature: float, top_p: float, top_k: int, seed: int | None) -> None:
        self._temperature = temperature
        self._top_p = top_p
        self._top_k = top_k
        self._random = torch.Generator()
        if seed is None:
            self._random.seed()
        else:
            self._random.manual_seed(seed & 0x7FFF_FFFF_FFFF_FFFF)

    def pick(self, logits: Tensor) -> tuple[int, float]:
        """Return a token of logits [vocabulary] and its natural log-probability.

        The probability is the model's own, before temperature and cuts.
        """
        logits = logits.float()
        if self._temperature <= 0:
            token = int(logits.argmax())
        else:
            token = self._draw(logits / self._temperature)
        return token, float(logits[token] - logits.logsumexp(0))

    def _draw(self, logits: Tensor) -> int:
        if self._top_k:
            least = logits.topk(min(self._top_k, len(logits))).values[-1]
            logits = logits.masked_fill(logits < least, float("-inf"))
        chances = logits.softmax(0)
        if self._top_p < 1:
            ordered, order = chances.sort(descending=True)
            # The token that crosses the border still belongs.
            beyond = ordered.cumsum(0) - ordered >= self._top_p
            chances = chances.index_fill(0, order[beyond], 0.0)
        return int(torch.multinomial(chances, 1, generator=self._random))
