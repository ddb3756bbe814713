"""How a process's working memory is made smaller: which thoughts go, and what stands for them.

Interface:
    chosen          which thoughts are put away
    replaced        what is in mind then, with a line in their place
    line            its text, where no model sums them up
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...syscalls.errors import QuotaExceeded
from ...syscalls.memory import Thought

#: Characters of each thought that a line quotes, and thoughts that it quotes.
QUOTED, SHOWN = 40, 3


def chosen(
    thoughts: Sequence[Thought], capacity: int, room: Callable[[Sequence[Thought]], int]
) -> list[Thought]:
    """Return the thoughts that are put away, so that the rest fit into `capacity` tokens.

    The oldest that are not pinned go first, as few as have to; `room` says how many tokens the line
    takes that stands for some, and where there is never room for one, all go. A line that stood for
    earlier ones is a thought like others. Raises `QuotaExceeded` where more is pinned.
    """
    pinned = sum(one.tokens for one in thoughts if one.pinned)
    if pinned > capacity:
        raise QuotaExceeded(f"{pinned} tokens are pinned; {capacity} may be held")
    left = sum(one.tokens for one in thoughts)
    if left <= capacity:
        return []
    loose = [one for one in thoughts if not one.pinned]
    for number, one in enumerate(loose, start=1):
        left -= one.tokens
        if left <= capacity and left + room(loose[:number]) <= capacity:
            return loose[:number]
    return loose


def replaced(
    thoughts: Sequence[Thought], away: Sequence[Thought], text: str, tokens: int, capacity: int
) -> list[Thought]:
    """Return the thoughts without those that are put away, with a line (`id` 0) in the place of the
    first of them, if it fits into `capacity` tokens with the rest. The order stays."""
    gone = {one.id for one in away}
    kept = [one for one in thoughts if one.id not in gone]
    if not away or sum(one.tokens for one in kept) + tokens > capacity:
        return kept
    place = next(index for index, one in enumerate(thoughts) if one.id in gone)
    stands = sum(one.summary_of or 1 for one in away)
    standing = Thought(id=0, text=text, tokens=tokens, pinned=False, summary_of=stands)
    return [*kept[:place], standing, *kept[place:]]


def line(away: Sequence[Thought]) -> str:
    """Return a line that says how many thoughts were put away, and how the last ones begin."""
    number = sum(one.summary_of or 1 for one in away)
    said = [" ".join(one.text.split()) for one in away if not one.summary_of]
    quoted = "; ".join(one if len(one) <= QUOTED else f"{one[:QUOTED]}…" for one in said[-SHOWN:])
    return f"[{number} earlier thoughts lie in episodic memory; the last: {quoted}]"
