"""One request in the engine: its tokens, its pages, and how its text comes out.

Interface:
    Sequence        state of one request; the engine's thread alone writes it
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from ....syscalls.model import Usage
from ..contract import Delta, Finish, Meter
from ..toolcalls import ToolCallParser
from .decoder import Decoder
from .pager import PageTable
from .plan import Span
from .sampler import Sampler, logprob


class Sequence:
    """One request. Its text is shown as soon as no further token can change it.

    `emit` is told of each piece of the reply, `fail` of an error in place of the rest; both on
    the engine's thread.
    """

    def __init__(
        self,
        *,
        prompt: list[int],
        limit: int,
        sampler: Sampler,
        decode: Callable[[list[int]], str],
        emit: Callable[[Delta], None],
        fail: Callable[[BaseException], None],
        ends: frozenset[int] = frozenset(),
        stop: list[str] | None = None,
        tools: bool = False,
        logprobs: bool = False,
        meter: Meter | None = None,
    ) -> None:
        self.tokens = list(prompt)
        self.prompt = len(prompt)
        self.limit = limit
        self.table = PageTable()
        self.slot = -1
        self.cancelled = False
        self.fail = fail
        self._emit = emit
        self._sampler = sampler
        self._ends = ends
        self._stop = [one for one in stop or () if one]
        #: Characters at the end that may be the beginning of a stop string.
        self._back = max(map(len, self._stop), default=1) - 1
        self._decoder = Decoder(decode)
        self._parser = ToolCallParser(tools)
        self._text = ""  # all that was written
        self._shown = 0  # characters of it that went on
        self._logprobs: list[float] | None = [] if logprobs else None
        self._meter = meter or Meter()
        self._read = 0  # tokens of the prompt, also when its pages were taken away since
        self._seconds = 0.0

    @property
    def most(self) -> int:
        """The tokens that it may come to hold."""
        return self.prompt + self.limit

    @property
    def pending(self) -> int:
        """Its tokens whose keys and values are not written."""
        return len(self.tokens) - self.table.length

    def span(self, room: int) -> Span:
        """Return its part of the next step: at most `room` tokens that are not yet written."""
        return Span(table=self.table, count=min(self.pending, room), slot=self.slot)

    def advance(self, span: Span, logits: Tensor, likeliest: int, seconds: float) -> bool:
        """Take a step's outcome; returns whether the sequence has come to its end.

        `logits` [vocabulary] are those of the span's last token, `seconds` its share of the step.
        """
        self.table.length += span.count
        self._seconds += seconds
        self._read = max(self._read, min(self.prompt, self.table.length))
        ended = not self.pending and self._write(logits, likeliest)
        self._meter.usage = Usage(
            input_tokens=self._read,
            output_tokens=len(self.tokens) - self.prompt,
            device_seconds=round(self._seconds, 6),
        )
        if ended:
            self._emit(self._last(ended))
        return bool(ended)

    def _write(self, logits: Tensor, likeliest: int) -> Finish | None:
        """Choose the next token and show what it makes certain; returns why it is the last."""
        token = self._sampler.pick(logits, likeliest)
        if self._logprobs is not None:
            self._logprobs.append(logprob(logits, token))
        self.tokens.append(token)
        ends = token in self._ends
        if not ends:
            self._text += self._decoder.feed(token)
            if self._cut():
                return "stop"
        if ends or len(self.tokens) >= self.most:
            self._text += self._decoder.end()
            return "stop" if self._cut() or ends else "length"
        if text := self._show(self._back):
            self._emit(Delta(text=text))
        return None

    def _cut(self) -> bool:
        """Cut the text before the first stop string; returns whether there was one."""
        found = (self._text.find(one, self._shown) for one in self._stop)
        cut = min((at for at in found if at >= 0), default=-1)
        if cut >= 0:
            self._text = self._text[:cut]
        return cut >= 0

    def _show(self, back: int) -> str:
        """Return what can be shown of the text, but for its last `back` characters."""
        end = max(len(self._text) - back, self._shown)
        start, self._shown = self._shown, end
        return self._parser.feed(self._text[start:end])

    def _last(self, finish: Finish) -> Delta:
        text = self._show(0) + self._parser.end()
        calls = self._parser.calls
        return Delta(
            text=text,
            tool_calls=calls,
            finish="tool_calls" if calls and finish == "stop" else finish,
            usage=self._meter.usage,
            logprobs=self._logprobs,
        )
