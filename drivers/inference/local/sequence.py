"""One request in the engine: its tokens, its pages, and how its text comes out.

Interface:
    Sequence        state of one request; the engine's thread alone writes it
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ....syscalls.model import Usage
from ..contract import Delta, Finish
from ..toolcalls import ToolCallParser
from .pager import PageTable
from .plan import Span
from .sampler import Sampler


class Sequence:
    """One request. Its text is shown as soon as no further token can change it."""

    def __init__(
        self,
        *,
        prompt: list[int],
        limit: int,
        sampler: Sampler,
        ends: frozenset[int],
        stop: list[str],
        decode: Callable[[list[int]], str],
        tools: bool,
        emit: Callable[[Delta], None],
        logprobs: bool,
    ) -> None:
        self.tokens = list(prompt)
        self.prompt = len(prompt)
        self.limit = limit
        self.table = PageTable()
        self.slot = -1
        self.cancelled = False
        self.seconds = 0.0
        self._sampler = sampler
        self._ends = ends
        self._stop = [one for one in stop if one]
        self._decode = decode
        self._parser = ToolCallParser(tools)
        self._emit = emit
        self._text = ""  # all that was written
        self._shown = 0  # characters of it that went on
        self._logprobs: list[float] | None = [] if logprobs else None

    @property
    def most(self) -> int:
        """The tokens that it may come to hold."""
        return self.prompt + self.limit

    def span(self, room: int) -> Span:
        """Return its part of the next step: at most `room` tokens that are not yet written."""
        count = min(len(self.tokens) - self.table.length, room)
        return Span(table=self.table, count=count, slot=self.slot)

    def advance(self, span: Span, logits: Any) -> bool:
        """Take a step's outcome; returns whether the sequence has come to its end."""
        self.table.length += span.count
        if self.table.length < len(self.tokens):
            return False  # Its prompt is not read to the end.
        token, logprob = self._sampler.pick(logits)
        if self._logprobs is not None:
            self._logprobs.append(logprob)
        self.tokens.append(token)
        written = len(self.tokens) - self.prompt
        if token in self._ends:
            self._finish("stop", drop_last=True)
            return True
        self._text = self._decode(self.tokens[self.prompt :])
        cut = min((at for one in self._stop if (at := self._text.find(one)) >= 0), default=-1)
        if cut >= 0:
            self._text = self._text[:cut]
            self._finish("stop")
            return True
        if written >= self.limit:
            self._finish("length")
            return True
        self._show(self._held_back())
        return False

    def _held_back(self) -> int:
        """Return how many characters may still change or be cut off."""
        # A token may end within a character, which then shows as the replacement sign.
        torn = 1 if self._text.endswith("\ufffd") else 0
        longest = max((len(one) for one in self._stop), default=1) - 1
        return max(torn, longest)

    def _show(self, back: int) -> None:
        end = len(self._text) - back
        if end > self._shown:
            text = self._parser.feed(self._text[self._shown : end])
            self._shown = end
            if text:
                self._emit(Delta(text=text))

    def _finish(self, finish: Finish, drop_last: bool = False) -> None:
        if drop_last:
            self._text = self._decode(self.tokens[self.prompt : -1])
        self._show(0)
        rest = self._parser.end()
        calls = self._parser.calls
        self._emit(
            Delta(
                text=rest,
                tool_calls=calls,
                finish="tool_calls" if calls and finish == "stop" else finish,
                usage=self.usage(),
                logprobs=self._logprobs,
            )
        )

    def usage(self) -> Usage:
        """Return what it has used so far."""
        return Usage(
            input_tokens=self.prompt,
            output_tokens=len(self.tokens) - self.prompt,
            device_seconds=round(self.seconds, 6),
        )
