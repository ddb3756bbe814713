"""What a reply's next token may be.

Interface:
    Matcher         the contract; one for each reply, for the engine's thread alone
    GrammarMatcher  the reply so far against a compiled grammar
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch
from llguidance import LLMatcher
from torch import Tensor

from ....syscalls.errors import InvalidArgument

_BITS = torch.tensor([1 << bit for bit in range(8)], dtype=torch.uint8)
_NEVER = float("-inf")


class Matcher(Protocol):
    """Follows a reply token by token. The tokens that end it are allowed exactly where it may end.

    `mask` and `accept` raise `InvalidArgument` where a reply cannot go on: the grammar has become
    too complex, or no token of this model leads on.
    """

    @property
    def ended(self) -> bool:
        """Whether nothing but the end may come."""

    def allows(self, token: int) -> bool:
        """Return whether a token may come next; cheaper than a mask."""

    def mask(self, logits: Tensor) -> None:
        """Set logits [vocabulary] to -inf in place for whatever may not come next."""

    def accept(self, token: int) -> None:
        """Take the next token; behind the end nothing counts."""

    def copy(self) -> Matcher:
        """Return another one that has come as far."""


class GrammarMatcher:
    """A grammar of llguidance; copies share what its lexer has learnt."""

    def __init__(
        self, inner: LLMatcher, size: int, ends: frozenset[int], failed: Callable[[], None]
    ) -> None:
        """Start where `inner` stands, which is taken over. `size` counts the tokenizer's tokens;
        `failed` is told when the grammar turns out to be too complex."""
        self._inner = inner
        self._size = size
        self._ends = ends
        self._failed = failed

    @property
    def ended(self) -> bool:
        return self._inner.is_stopped() and not self._inner.is_error()

    def allows(self, token: int) -> bool:
        if self._inner.is_stopped():
            self._check()
            return token in self._ends
        allowed = token < self._size and self._inner.validate_tokens([token]) == 1
        self._check()
        return allowed

    def mask(self, logits: Tensor) -> None:
        words = torch.empty((self._size + 31) // 32, dtype=torch.int32)
        self._inner.unsafe_compute_mask_ptr(words.data_ptr(), 4 * len(words))
        self._check()
        banned = (words.view(torch.uint8).unsqueeze(1) & _BITS).logical_not().flatten()
        # The model's vocabulary may be larger than the tokenizer's, and the other way round.
        known = min(len(banned), len(logits))
        logits[:known].masked_fill_(banned[:known].to(logits.device), _NEVER)
        logits[known:] = _NEVER

    def accept(self, token: int) -> None:
        if not self.ended:
            self._inner.consume_token(token)
            self._check()

    def takes(self, tokens: list[int]) -> bool:
        """Return whether tokens may come one after another."""
        return self._inner.validate_tokens(tokens) == len(tokens)

    def copy(self) -> GrammarMatcher:
        return GrammarMatcher(self._inner.deep_copy(), self._size, self._ends, self._failed)

    def _check(self) -> None:
        if self._inner.is_error():
            self._failed()
            reason = self._inner.get_error().strip().splitlines()[0]
            raise InvalidArgument(f"the reply cannot go on by its grammar: {reason}")
