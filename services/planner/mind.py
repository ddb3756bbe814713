"""Thinking ahead: lines are made longer with the model's replies and what tools would say.

Interface:
    Imagination     implements `contract.Mind`
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from .hands import Hands
from .line import Ask, Line, Reply
from .together import together
from .voice import Draw, Voice

#: While fewer replies differ than this, how much hotter the next draws are, and how often.
FEW, HOTTER, TRIES = 4, 2.5, 3
#: The hottest temperature, and what a token has to have of the likeliest one's chance: heat is to
#: find what the model has thought of second, not what it would never say.
HOTTEST, PLAUSIBLE = 5.0, 0.05


class Imagination:
    """One plan's mind. Seeds count what was drawn before, so that a plan can be repeated."""

    def __init__(
        self, voice: Voice, hands: Hands, *, temperature: float, reply_tokens: int
    ) -> None:
        self.root = Line()
        self._voice = voice
        self._hands = hands
        self._temperature = temperature
        self._tokens = reply_tokens
        self._drawn = 0
        #: Whether to go on drawing where too few replies differ.
        self.wide = True
        #: Calls that have failed: they are not made again where there is anything else to do.
        self.barred: set[str] = set()
        #: The model that has spoken.
        self.model: str | None = None

    async def expand(self, line: Line, count: int = 1) -> list[Line]:
        """As `contract.Mind.expand`."""
        if not line.going:
            return []
        found: dict[str, tuple[Reply, int | None, int]] = {}
        temperature = self._temperature
        for attempt in range(TRIES if self.wide and count > 1 else 1):
            draws = self._draws(count - len(found), temperature, greedy=attempt == 0)
            for said, handle in await self._voice.draw(line, draws):
                self.model = said.model
                if (reply := Reply.read(said)).key in found:
                    before = found[reply.key]
                    found[reply.key] = (*before[:2], before[2] + 1)
                    await self._voice.drop([handle])
                else:
                    found[reply.key] = (reply, handle, 1)
            if len(found) >= min(count, FEW):
                break
            temperature = min(temperature * HOTTER, HOTTEST)
        allowed = [one for one in found.values() if not self._bars(one[0])] or [*found.values()]
        lines = await together(self._longer(line, *one) for one in allowed)
        return sorted(lines, key=lambda one: one.rank, reverse=True)

    async def drop(self, lines: Sequence[Line]) -> None:
        """As `contract.Mind.drop`."""
        await self._voice.drop([line.handle for line in lines])

    def _draws(self, count: int, temperature: float, greedy: bool) -> list[Draw]:
        first, self._drawn = self._drawn, self._drawn + count
        return [
            Draw(
                max_tokens=self._tokens,
                temperature=0.0 if greedy and place == 0 else temperature,
                min_p=PLAUSIBLE,
                seed=first + place,
            )
            for place in range(count)
        ]

    def _bars(self, reply: Reply) -> bool:
        return reply.void or any(ask.key in self.barred for ask in reply.asks)

    async def _longer(self, line: Line, reply: Reply, handle: int | None, count: int) -> Line:
        asks: list[Ask] = []
        for ask in reply.asks:
            asks.append(replace(ask, expected=await self._hands.look(line, asks, ask)))
        return Line(
            replies=(*line.replies, replace(reply, asks=tuple(asks))),
            count=count if not line.replies else line.count,
            answered=not asks,
            going=bool(asks) and all(ask.expected is not None for ask in asks),
            handle=handle,
        )
