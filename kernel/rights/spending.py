"""What the principals of the policy have spent, kept for the daemons after this one.

It counts whichever way they came: with a token, or over the control socket.

Interface:
    Spending        an asynchronous context; while it is entered, spending is written down
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from pydantic import TypeAdapter

from ...syscalls.errors import InputOutputError
from ..background import Background
from ..paths import rewrite
from .principals import Principals

#: Seconds between two looks: what a killed daemon forgets at most.
EVERY = 1.0
_KEPT = TypeAdapter(dict[str, dict[str, float]])


class Spending(Background):
    """Gives each purse what was spent before, and writes down what is spent now."""

    def __init__(
        self, path: Path, principals: Principals, tokens: Callable[[str], Mapping[str, float]]
    ) -> None:
        """`tokens` says what a principal's tokens have spent, for one that the file has nothing of.

        Raises `InputOutputError` for a file that cannot be read: nobody is to spend anew.
        """
        self._path = path
        self._principals = principals
        self._tokens = tokens
        try:
            self._kept = _KEPT.validate_json(path.read_bytes()) if path.exists() else {}
        except (OSError, ValueError) as error:
            raise InputOutputError(f"{path} does not say what was spent: {error}") from error
        self._recalled: set[str] = set()
        self._recall()
        principals.on_change.append(self._recall)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            await super().__aexit__(kind, error, trace)
        finally:
            self.note()

    def note(self) -> None:
        """Write down what was spent, where it has changed. A disk that refuses is asked again."""
        now = {name: dict(self._principals.spent(name)) for name in self._recalled}
        found = {**self._kept, **{name: spent for name, spent in now.items() if spent}}
        if found == self._kept:
            return
        with suppress(OSError):
            rewrite(self._path, json.dumps(found), sync=True)
            self._kept = found

    def _recall(self) -> None:
        """Let what was spent before count, also for whom a new policy names."""
        for name in self._principals.policy.principals.keys() - self._recalled:
            if (purse := self._principals.purse(name)) is not None:
                purse.spend(self._kept.get(name) or self._tokens(name))
                self._recalled.add(name)

    async def _work(self) -> None:
        while True:
            await asyncio.sleep(EVERY)
            self.note()
