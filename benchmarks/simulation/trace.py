"""Agents as they are met: many turns, each a model call or several, and then a tool call.

What was measured of real agents is taken over: a median of 43 turns, 142,000 tokens of input at
444 of output, more than 96 % of the input a prefix that the model has read before, and 86 % of an
agent's calls within 1 s of its last reply. So a turn adds 142,000 / 43 tokens to a conversation
that is sent whole each time. How heavy the tails are was not measured: they are taken to be
lognormal, of the widths given below, and cut.

One agent in twenty fans out in each turn, as map-reduce and tree search do: it asks several calls
at once, and waits for all. That too is an assumption, and most of what first come, first served
suffers from; `chains_gain` says what is gained without.

Interface:
    Agent           one agent; `play` yields its turns
    Turn            model calls that are made at once, and the tool call after them
    Call            one model call
    agents          a trace
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass

#: Turns of an agent: median, width of the tail, most.
TURNS, TURNS_WIDTH, TURNS_MOST = 43, 1.2, 2000
#: Tokens that a turn adds to the input and those that a call writes: medians, width, most.
INPUT, OUTPUT, TOKENS_WIDTH, TOKENS_MOST = 142_000 / 43, 444, 1.0, 50_000
#: Tokens at which an agent shortens its conversation to half.
CONTEXT = 200_000
#: Seconds of a tool call: the median that lets 86 % take less than 1 s, the width, the most.
TOOL_WIDTH, TOOL_MOST = 2.0, 600.0
TOOL = math.exp(-1.0803 * TOOL_WIDTH)
#: The share of agents that fan out, and into how many calls: median, width, most.
WIDE, BREADTH, BREADTH_WIDTH, BREADTH_MOST = 0.05, 16, 1.0, 256
#: The people whom the agents work for, all alike.
PRINCIPALS = 16


@dataclass(frozen=True, slots=True)
class Call:
    """One model call, in tokens."""

    #: Those of the input that the model has not read yet, and those it writes.
    fresh: int
    written: int
    #: All that its context holds at the end.
    context: int


@dataclass(frozen=True, slots=True)
class Turn:
    """Model calls that are made at once, and the tool call after them."""

    calls: list[Call]
    #: Seconds from the last reply to the next turn.
    tool: float


@dataclass(frozen=True, slots=True)
class Agent:
    """One agent, whose turns are drawn when they come."""

    pid: int
    principal: str
    arrived: float
    turns: int
    wide: bool
    seed: int

    def play(self) -> Iterator[Turn]:
        """Yield the turns, the same ones each time."""
        rng, context = random.Random(self.seed), 0
        for _ in range(self.turns):
            breadth = _draw(rng, BREADTH, BREADTH_WIDTH, BREADTH_MOST) if self.wide else 1
            fresh, calls = _draw(rng, INPUT, TOKENS_WIDTH, TOKENS_MOST), []
            for number in range(breadth):
                written = _draw(rng, OUTPUT, TOKENS_WIDTH, TOKENS_MOST)
                # Siblings share what the first of them has read, but for their own question.
                read = fresh // breadth if number else fresh
                calls.append(Call(read, written, context + fresh + written))
            context = calls[0].context
            if context > CONTEXT:
                context //= 2
            tool = min(rng.lognormvariate(math.log(TOOL), TOOL_WIDTH), TOOL_MOST)
            yield Turn(calls, tool)


def _draw(rng: random.Random, median: float, width: float, most: int) -> int:
    return min(1 + int(rng.lognormvariate(math.log(median), width)), most)


def agents(count: int, gap: float, seed: int, wide: float = WIDE) -> list[Agent]:
    """Return agents that arrive at random (Poisson), `gap` seconds apart on average."""
    rng, now, found = random.Random(seed), 0.0, []
    for pid in range(1, count + 1):
        now += rng.expovariate(1 / gap)
        turns = _draw(rng, TURNS, TURNS_WIDTH, TURNS_MOST)
        principal = f"user{rng.randrange(PRINCIPALS)}"
        found.append(Agent(pid, principal, now, turns, rng.random() < wide, rng.getrandbits(64)))
    return found
