"""The house's own strategies.

Interface:
    BestOfK         several sequences, the likeliest is done
    Sampled         several sequences, one is done by chance, the likelier the more often
    Beam            the best beginnings are gone on with, reply by reply
    best            the place of the line that ranks highest
    grown           a line with the likeliest replies behind it
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

from .contract import Aim, Choice, Mind
from .line import Line
from .together import together

#: Nats per token in which two scores have to differ for the better to be chosen e times as often.
WARMTH = 0.05
#: Ways in which a beginning goes on, at most.
WIDEST = 4


def best(lines: Sequence[Line]) -> int:
    """Return the place of the line that ranks highest, the first of equals."""
    return max(range(len(lines)), key=lambda place: lines[place].rank)


async def grown(mind: Mind, line: Line, depth: int) -> Line:
    """Return a line with the likeliest reply behind it, again and again, up to `depth` in all."""
    while line.going and len(line.replies) < depth and (longer := await mind.expand(line)):
        line = longer[0]
    return line


class BestOfK:
    """Several sequences that begin differently; the likeliest of them is done."""

    async def plan(self, mind: Mind, aim: Aim) -> Choice:
        """As `Strategy.plan`."""
        starts = await mind.expand(mind.root, aim.candidates)
        lines = await together(grown(mind, one, aim.depth) for one in starts)
        return Choice(candidates=lines, chosen=self._choose(lines, aim))

    def _choose(self, lines: Sequence[Line], aim: Aim) -> int:
        return best(lines)


class Sampled(BestOfK):
    """Several sequences; one of them is done by chance, a likelier one more often."""

    def _choose(self, lines: Sequence[Line], aim: Aim) -> int:
        top = lines[best(lines)].rank[0]
        weights = [math.exp((line.rank[0] - top) / WARMTH) * line.count for line in lines]
        return random.Random(aim.seed).choices(range(len(lines)), weights)[0]


class Beam:
    """The best beginnings of sequences are gone on with in several ways, reply by reply."""

    async def plan(self, mind: Mind, aim: Aim) -> Choice:
        """As `Strategy.plan`. The width is the number of candidates; a beginning that is left out
        of it does not come back."""
        branches = min(max(2, aim.candidates // 2), WIDEST)
        beam = await mind.expand(mind.root, aim.candidates)
        for _ in range(1, aim.depth):
            going = [line for line in beam if line.going]
            if not going:
                break
            longer = await together(mind.expand(line, branches) for line in going)
            ended = [line for line in beam if not line.going]
            pool = [*ended, *(line for lines in longer for line in lines)]
            pool.sort(key=lambda line: line.rank, reverse=True)
            beam, out = pool[: aim.candidates], pool[aim.candidates :]
            await mind.drop([*going, *out])
        return Choice(candidates=beam, chosen=best(beam))
