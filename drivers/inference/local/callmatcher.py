"""A reply that may hold tool calls, and none but right ones.

Text is the model's own and costs next to nothing. From `<tool_call>` on, however that is cut into
tokens, a grammar allows nothing but a call of one of the tools, with arguments by its schema, and
the closing mark.

Interface:
    CallMatcher     implements `Matcher`
    Must            whether a reply has to begin with a call, or to be one
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from enum import Enum

from torch import Tensor

from ....syscalls.errors import InvalidArgument
from ..toolcalls import OPEN, overlap
from .matcher import GrammarMatcher
from .vocabulary import Vocabulary

_OPEN = OPEN.encode()


class Must(Enum):
    """Whether a reply has to begin with a call, or to be one."""

    NOT = "not"
    BEGIN = "begin"
    BE = "be"


class CallMatcher:
    """Follows the text up to an opening mark, then the grammar up to the closing one."""

    def __init__(
        self,
        start: GrammarMatcher,
        vocabulary: Vocabulary,
        spell: Callable[[str], list[int]],
        must: Must = Must.NOT,
        loose: Mapping[str, str] | None = None,
    ) -> None:
        """`start` stands behind an opening mark; `spell` gives a text's tokens."""
        #: Tools that are not held to all of their schemas, with what is wrong with those.
        self.loose = dict(loose or {})
        self._start = start
        self._vocabulary = vocabulary
        self._spell = spell
        self._must = must
        #: What is still to be written of an opening mark that has to come.
        self._mark = () if must is Must.NOT else tuple(spell(OPEN))
        self._call: GrammarMatcher | None = None
        self._held = b""  # the text's end that may be the beginning of a mark
        #: By what is held: tokens that complete a mark and go on wrongly. Shared by all copies.
        self._wrong: dict[bytes, frozenset[int]] = {}
        self._ended = False

    @property
    def ended(self) -> bool:
        return self._ended

    def allows(self, token: int) -> bool:
        if self._call is not None:
            try:
                return self._call.allows(token)
            except InvalidArgument as error:
                self._give_up(error)
        if self._mark:
            return token == self._mark[0]
        if self._ended:
            return token in self._vocabulary.ends
        return token not in self._forbidden()

    def mask(self, logits: Tensor) -> None:
        if self._call is not None:
            try:
                return self._call.mask(logits)
            except InvalidArgument as error:
                self._give_up(error)
        if self._mark or self._ended:
            wanted = self._mark[:1] or self._vocabulary.ends
            kept = [one for one in wanted if one < len(logits)]
            values = logits[kept]
            logits.fill_(float("-inf"))
            logits[kept] = values
        elif wrong := self._forbidden():
            logits[[one for one in wrong if one < len(logits)]] = float("-inf")

    def accept(self, token: int) -> None:
        if self._call is not None:
            try:
                self._call.accept(token)
            except InvalidArgument as error:
                self._give_up(error)
            if self._call is not None and self._call.ended:
                self._call = None
                self._ended = self._must is Must.BE
        elif self._mark:
            self._mark = self._mark[1:]
            if not self._mark:
                self._call = self._start.copy()
        else:
            self._read(self._vocabulary.text(token))

    def copy(self) -> CallMatcher:
        other = copy.copy(self)
        other._call = self._call and self._call.copy()
        return other

    def _read(self, text: bytes) -> None:
        """Look for an opening mark in what the text goes on with."""
        if not self._held and b"<" not in text:
            return
        text = self._held + text
        _, mark, rest = text.partition(_OPEN)
        self._held = b"" if mark else text[len(text) - overlap(text, _OPEN) :]
        if mark:
            self._call = self._start.copy()
            for token in self._spell(rest.decode()):
                self._call.accept(token)

    def _forbidden(self) -> frozenset[int]:
        """Return the tokens that complete an opening mark and go on as no call does."""
        found = self._wrong.get(self._held)
        if found is None:
            found = frozenset(one for one in self._vocabulary.closing if not self._leads(one))
            self._wrong[self._held] = found
        return found

    def _leads(self, token: int) -> bool:
        rest = (self._held + self._vocabulary.text(token)).partition(_OPEN)[2]
        return not rest or (rest.isascii() and self._start.takes(self._spell(rest.decode())))

    def _give_up(self, error: InvalidArgument) -> None:
        """Leave a call to the model whose grammar has become too complex on the way."""
        self.loose["*"] = error.message
        self._call = None
