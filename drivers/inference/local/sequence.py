"""A reply as it is written: its tokens, and how its text comes out.

Interface:
    Sequence        continues a context; the engine's thread alone runs it
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from ....syscalls.model import Alternative, TokenLogprob
from ..contract import Delta, Finish
from ..toolcalls import ToolCallParser
from .call import Call
from .context import Context
from .decoder import Decoder
from .plan import Span
from .sampler import Sampler, logprob, top


class Sequence(Call):
    """One reply. Its text is shown as soon as no further token can change it."""

    def __init__(
        self,
        context: Context,
        *,
        limit: int,
        sampler: Sampler,
        decode: Callable[[list[int]], str],
        emit: Callable[[Delta], None],
        ends: frozenset[int] = frozenset(),
        stop: list[str] | None = None,
        tools: bool = False,
        logprobs: int | None = None,
        **fields: Any,
    ) -> None:
        """Write up to `limit` tokens. `emit` is told of each piece, on the engine's thread.

        With `logprobs` each token comes with its own and so many of the likeliest.
        """
        super().__init__(context, **fields)
        #: Tokens of the context that are not the reply's.
        self.prompt = len(context.tokens)
        self.limit = limit
        self._emit = emit
        self._sampler = sampler
        self._ends = ends
        self._stop = [one for one in stop or () if one]
        #: Characters at the end that may be the beginning of a stop string.
        self._back = max(map(len, self._stop), default=1) - 1
        self._decode = decode
        self._decoder = Decoder(decode)
        self._parser = ToolCallParser(tools)
        self._text = ""  # all that was written
        self._shown = 0  # characters of it that went on
        self._alternatives = logprobs
        self._logprobs: list[TokenLogprob] = []  # of the tokens since the last piece
        self._finish: Finish | None = None

    @property
    def goal(self) -> int:
        return len(self.context.tokens)

    @property
    def most(self) -> int:
        return self.prompt + self.limit

    def advance(self, span: Span, out: Tensor, likeliest: int, seconds: float) -> bool:
        if self.pending:
            self.pay(seconds)
            return False
        text = self._write(out[-1], likeliest)
        self.pay(seconds, written=1)
        if text:
            self._emit(Delta(text=text, logprobs=self._taken()))
        return self._finish is not None

    def finish(self) -> None:
        text = self._show(0) + self._parser.end()
        calls = self._parser.calls
        self._emit(
            Delta(
                text=text,
                tool_calls=calls,
                finish="tool_calls" if calls and self._finish == "stop" else self._finish,
                usage=self._meter.usage,
                logprobs=self._taken(),
            )
        )

    def _write(self, logits: Tensor, likeliest: int) -> str:
        """Choose the next token; returns the text that it makes certain."""
        token = self._sampler.pick(logits, likeliest)
        if self._alternatives is not None:
            self._logprobs.append(self._judged(logits, token, self._alternatives))
        self.context.tokens.append(token)
        ends = token in self._ends
        if not ends:
            self._text += self._decoder.feed(token)
            if self._cut():
                self._finish = "stop"
                return ""
        ends = ends or self._sampler.done
        if ends or len(self.context.tokens) >= self.most:
            self._text += self._decoder.end()
            self._finish = "stop" if self._cut() or ends else "length"
            return ""
        return self._show(self._back)

    def _judged(self, logits: Tensor, token: int, count: int) -> TokenLogprob:
        found = top(logits, count) if count else []
        return TokenLogprob(
            token=self._decode([token]),
            logprob=logprob(logits, token),
            top=[Alternative(token=self._decode([one]), logprob=much) for one, much in found],
        )

    def _taken(self) -> list[TokenLogprob] | None:
        if self._alternatives is None:
            return None
        taken, self._logprobs = self._logprobs, []
        return taken

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
