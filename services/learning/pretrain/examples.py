"""Documents to examples: blocks of one length, single texts, or pairs, drawn from a buffer.

Interface:
    Blocks      documents one after the other, cut to blocks (causal, masked, denoise)
    Texts       each document by itself (causal, masked, denoise)
    Pairs       two texts of which the second follows the first, or does not (next sentence)
    sentences   a document's sentences
"""

from __future__ import annotations

import random
import re
from abc import abstractmethod
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any, TypeAlias

from ....syscalls.errors import InvalidArgument
from ..training.data import Endless
from .corpus import Documents

#: Text to token ids, without special ones.
Encode: TypeAlias = Callable[[str], list[int]]
Example: TypeAlias = dict[str, Any]
_END = re.compile(r"(?<=[.!?…])\s+|\n+")


def sentences(text: str) -> list[str]:
    """Return a document's sentences: its lines, cut after full stops."""
    return [one for one in _END.split(text) if one and one.strip()]


class _Drawn(Endless):
    """Examples drawn at random from a buffer of the next ones."""

    def __init__(self, documents: Documents, *, buffer: int, seed: int) -> None:
        self._documents = documents
        self._texts: Iterator[str] | None = None
        self._size = buffer
        self._buffer: list[Any] = []
        self.chance = random.Random(seed)

    @abstractmethod
    def make(self) -> Any:
        """Return the next example of the documents, as the buffer keeps it."""

    @abstractmethod
    def finished(self, kept: Any) -> Example:
        """Return what the collator takes."""

    def text(self) -> str:
        """Return the next document."""
        if self._texts is None:
            self._texts = iter(self._documents)
        return next(self._texts)

    def __iter__(self) -> Iterator[Example]:
        while True:
            while len(self._buffer) < self._size:
                self._buffer.append(self.make())
            yield self.finished(self.draw())

    def draw(self) -> Any:
        """Take one out of the buffer."""
        place = self.chance.randrange(len(self._buffer))
        chosen = self._buffer[place]
        self._buffer[place] = self._buffer[-1]
        self._buffer.pop()
        return chosen

    def state(self) -> dict[str, Any]:
        return {
            "documents": self._documents.state(),
            "buffer": list(self._buffer),
            "chance": list(self.chance.getstate()),
        }

    def restore(self, state: dict[str, Any]) -> None:
        self._documents.restore(state["documents"])
        self._texts = None
        self._buffer = list(state["buffer"])
        version, internal, gauss = state["chance"]
        self.chance.setstate((version, tuple(internal), gauss))


class Blocks(_Drawn):
    """Documents one after the other, each closed by `end`, cut to blocks of `length` tokens that
    stand between `before` and `after`."""

    def __init__(
        self,
        documents: Documents,
        encode: Encode,
        *,
        length: int,
        end: int,
        before: tuple[int, ...] = (),
        after: tuple[int, ...] = (),
        buffer: int,
        seed: int,
    ) -> None:
        super().__init__(documents, buffer=buffer, seed=seed)
        self._encode, self._end = encode, end
        self._before, self._after = list(before), list(after)
        self._content = length - len(before) - len(after)
        #: Tokens of the last document that are in no block yet.
        self._rest: list[int] = []

    def make(self) -> list[int]:
        while len(self._rest) < self._content:
            self._rest += [*self._encode(self.text()), self._end]
        block, self._rest = self._rest[: self._content], self._rest[self._content :]
        return block

    def finished(self, kept: list[int]) -> Example:
        return wrapped(kept, self._before, self._after)

    def state(self) -> dict[str, Any]:
        return {**super().state(), "rest": list(self._rest)}

    def restore(self, state: dict[str, Any]) -> None:
        super().restore(state)
        self._rest = list(state["rest"])


class Texts(Blocks):
    """Each document by itself, between `before` and `after`; a longer one is cut to several.

    `close`: whether `end` is written after a document. Parts of fewer than `least` tokens are left
    out. `group` in a row are about as long as each other, so that little of a batch is padding.
    """

    def __init__(
        self,
        documents: Documents,
        encode: Encode,
        *,
        close: bool,
        least: int,
        group: int,
        **more: Any,
    ) -> None:
        super().__init__(documents, encode, **more)
        self._closing = [self._end] if close else []
        self._least, self._group = least, group
        #: Those of a group that are still to be given out.
        self._drawn: list[list[int]] = []

    def make(self) -> list[int]:
        """Raises `InvalidArgument` where no document is long enough."""
        rounds = self._documents.round
        while len(self._rest) < self._least:
            if self._documents.round > rounds + 1:
                raise InvalidArgument(f"no document has {self._least} tokens")
            self._rest = [*self._encode(self.text()), *self._closing]
        text, self._rest = self._rest[: self._content], self._rest[self._content :]
        return text

    def draw(self) -> list[int]:
        if not self._drawn:
            near = len(self.chance.choice(self._buffer))
            self._buffer.sort(key=lambda one: abs(len(one) - near))
            self._drawn = self._buffer[: self._group]
            del self._buffer[: self._group]
        return self._drawn.pop()

    def state(self) -> dict[str, Any]:
        return {**super().state(), "drawn": list(self._drawn)}

    def restore(self, state: dict[str, Any]) -> None:
        super().restore(state)
        self._drawn = list(state["drawn"])


def wrapped(block: list[int], before: list[int], after: list[int]) -> Example:
    """Return a block between special tokens."""
    special = [1] * len(before) + [0] * len(block) + [1] * len(after)
    return {"input_ids": [*before, *block, *after], "special_tokens_mask": special}


class Pairs(_Drawn):
    """Two texts between special tokens: `start` one `end` other `end`.

    The first is a part of a document; the second goes on there, or with equal chance is a part of
    another document (Devlin et al. 2018, A.2). Documents of one sentence are passed over.
    """

    def __init__(
        self,
        documents: Documents,
        encode: Encode,
        *,
        length: int,
        start: int,
        end: int,
        buffer: int,
        seed: int,
    ) -> None:
        super().__init__(documents, buffer=max(buffer, 2), seed=seed)
        self._encode, self._start, self._end = encode, start, end
        self._half = (length - 3) // 2

    def make(self) -> list[list[int]]:
        # A round without any such document was refused when the corpus was surveyed.
        while len(cut := sentences(self.text())) < 2:
            pass
        return [self._encode(one) for one in cut]

    def finished(self, kept: list[list[int]]) -> Example:
        where = self.chance.randrange(1, len(kept))
        one, other = list(chain(*kept[:where])), list(chain(*kept[where:]))
        follows = self.chance.random() < 0.5
        if not follows:
            strange = self.chance.choice(self._buffer)
            other = list(chain(*strange[self.chance.randrange(1, len(strange)) :]))
        # The ends that meet are kept.
        one, other = one[-self._half :], other[: self._half]
        return {
            "input_ids": [self._start, *one, self._end, *other, self._end],
            "token_type_ids": [0] * (len(one) + 2) + [1] * (len(other) + 1),
            "special_tokens_mask": [1, *[0] * len(one), 1, *[0] * len(other), 1],
            "next_sentence_label": 0 if follows else 1,
        }
