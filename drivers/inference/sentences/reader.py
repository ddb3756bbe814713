"""From texts to tokens, cut where a model sees no further.

Interface:
    Reader          `tokens`; raises `InvalidArgument`
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from ....syscalls.errors import InvalidArgument

#: Characters that are looked at for each token that is seen: a bound on the work of long texts.
_CHARACTERS = 64


class Reader:
    """A model's tokenizer. Any thread may use it."""

    def __init__(self, tokenizer: Any, longest: int, lower: bool = False) -> None:
        self._tokenizer = tokenizer
        self._longest = longest
        self._lower = lower
        # A tokenizer that cuts has settings of its own, which no two threads may touch at once.
        self._alone = threading.Lock()

    def tokens(self, texts: Sequence[str]) -> list[list[int]]:
        """Return each text's tokens, at most as many as the model sees, with those that stand at
        its beginning and end."""
        for place, text in enumerate(texts):
            _check(place, text)
        cut = [text[: self._longest * _CHARACTERS] for text in texts]
        if self._lower:
            cut = [text.lower() for text in cut]
        with self._alone:
            found: list[list[int]] = self._tokenizer(
                cut, truncation=True, max_length=self._longest
            )["input_ids"]
        for place, one in enumerate(found):
            if not one:
                raise InvalidArgument(f"text {place} has nothing in it that the model reads")
        return found


def _check(place: int, text: str) -> None:
    if not text:
        raise InvalidArgument(f"text {place} is empty")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidArgument(f"text {place} has half of a surrogate pair in it") from None
