"""Calls that read: into a context, to see how likely a text is, or to make a vector of one.

Interface:
    Reading         a context's tokens are read, all but the last
    Scoring         how likely the last tokens of a context are
    Embedding       the mean of the last layer's states over all tokens
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from .call import Call
from .context import Context
from .plan import Span


class Reading(Call):
    """Reads what a context holds."""

    def __init__(self, context: Context, *, done: Callable[[None], None], **fields: Any) -> None:
        super().__init__(context, **fields)
        self._done = done

    @property
    def undone(self) -> int:
        return self._first

    def advance(self, span: Span, out: Tensor, likeliest: int, seconds: float) -> bool:
        self.pay(seconds)
        return not self.pending

    def finish(self) -> None:
        self.pay(0.0, read_all=True)
        self._done(None)


class Scoring(Call):
    """Reads a context's last tokens, those that it brings, and keeps their log-probabilities."""

    def __init__(self, context: Context, *, done: Callable[[float], None], **fields: Any) -> None:
        """`done` is told the sum of the tokens' log-probabilities, in nats."""
        super().__init__(context, **fields)
        self._done = done
        self._logprob = 0.0
        self._scored = 0

    def rows(self, span: Span) -> int:
        return max(self._wanted(span.length, span.table.length), 1)

    def advance(self, span: Span, out: Tensor, likeliest: int, seconds: float) -> bool:
        end = span.table.length
        wanted = self._wanted(end, end - span.count)
        if wanted:
            tokens = torch.tensor(self.context.tokens[end - wanted + 1 : end + 1])
            logits = out[-wanted:].float()
            chosen = logits.gather(1, tokens.to(logits.device).unsqueeze(1)).squeeze(1)
            self._logprob += float((chosen - logits.logsumexp(1)).sum())
            self._scored += wanted
        self.pay(seconds)
        return not self.pending

    def finish(self) -> None:
        self.pay(0.0, read_all=True)
        self._done(self._logprob)

    def _wanted(self, end: int, start: int) -> int:
        """Return how many tokens before `end` say how likely one is that was not scored yet."""
        return max(end - max(start, self._first - 1 + self._scored), 0)


class Embedding(Call):
    """Reads all tokens of a context that nobody shares, since it wants the state of each."""

    states = True

    def __init__(
        self, context: Context, *, done: Callable[[list[float]], None], **fields: Any
    ) -> None:
        """`done` is told the vector, whose length is 1."""
        super().__init__(context, **fields)
        self._done = done
        self._sum: Tensor | None = None
        self._summed = 0

    @property
    def goal(self) -> int:
        return len(self.context.tokens)

    def advance(self, span: Span, out: Tensor, likeliest: int, seconds: float) -> bool:
        end = span.table.length
        fresh = max(end - max(end - span.count, self._summed), 0)
        if fresh:
            part = out[-fresh:].float().sum(0)
            self._sum = part if self._sum is None else self._sum + part
            self._summed = end
        self.pay(seconds)
        return not self.pending

    def finish(self) -> None:
        assert self._sum is not None
        self._done((self._sum / self._sum.norm()).tolist())
