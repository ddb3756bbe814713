"""What a reply has to match, of one model.

Interface:
    Grammars        `matcher`; `known` where there are any
"""

from __future__ import annotations

import sys
from collections.abc import Collection
from typing import Any

from ....syscalls.errors import InvalidArgument
from ..contract import Sampling
from ..toolcalls import forced
from .grammar import Compiler
from .matcher import Matcher


class Grammars:
    """A model's compiler, if its tokenizer lets there be one; any thread may use it."""

    def __init__(self, tokenizer: Any, ends: Collection[int]) -> None:
        self._compiler: Compiler | InvalidArgument
        try:
            self._compiler = Compiler(tokenizer, ends)
        except InvalidArgument as error:  # a grammar is all that the model cannot do
            self._compiler = error
        #: Tools of the last call whose schemas do not hold, and why.
        self._loose: set[tuple[str, str]] = set()

    @property
    def known(self) -> bool:
        """Whether replies can be held to grammars."""
        return isinstance(self._compiler, Compiler)

    def matcher(self, sampling: Sampling, tools: list[dict[str, Any]]) -> Matcher | None:
        """Return what holds a reply to its grammar, or the calls in it to their tools' schemas.
        Blocking. Raises `InvalidArgument` for a grammar that cannot be compiled."""
        force = forced(sampling.tool_choice)
        if sampling.grammar is None and not force:
            return self._calls(tools) if tools else None
        if isinstance(self._compiler, InvalidArgument):
            raise InvalidArgument(self._compiler.message)
        if sampling.grammar is None:
            return self._calls(tools, force)
        return self._compiler.compile(sampling.grammar)

    def _calls(self, tools: list[dict[str, Any]], force: bool | str = False) -> Matcher | None:
        if isinstance(self._compiler, InvalidArgument):
            return None
        matcher = self._compiler.calls(tools, force)
        faults = set(matcher.loose.items())
        for name, why in faults - self._loose:
            print(f"calls of {name} are not held to all of its schema: {why}", file=sys.stderr)
        self._loose = faults
        return matcher
