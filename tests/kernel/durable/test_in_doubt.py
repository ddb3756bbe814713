"""A person says what becomes of an effect that may have happened, under kernel after kernel."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmagentos.kernel.approvals import Ticket
from llmagentos.kernel.journal.reader import segment
from llmagentos.kernel.journal.record import Kind
from llmagentos.kernel.journal.writer import segments
from llmagentos.kernel.trap import Trap
from llmagentos.syscalls.client import Client
from llmagentos.syscalls.codec import pack

from .stage import Person, Stage, sell
from .test_killed import PROGRAMS, Step, boundaries, intended, known, numbered, play

NONE = pack(None)


async def sells(client: Client) -> str:
    """Sell one thing."""
    return await sell(client, 7)


def again(trap: Trap, ticket: Ticket) -> None:
    trap.decide(ticket, allow=True)


def done(trap: Trap, ticket: Ticket) -> None:
    trap.decide(ticket, allow=True, result=NONE)


def deny(trap: Trap, ticket: Ticket) -> None:
    trap.decide(ticket, allow=False, reason="look first")


def in_doubt(folder: Path, person: Person | None) -> Stage:
    """Let a kernel have died over the sale."""
    folder.mkdir(exist_ok=True)
    stage = Stage(folder=folder, person=person)
    asyncio.run(stage.run(sells))
    stage.cut(after(folder, Kind.INTENT))
    return stage


def after(folder: Path, kind: Kind) -> int:
    """Return where the newest file's last record of a kind ends."""
    path, ends = segments(folder)[-1], boundaries(folder)
    kinds = [record.kind for _, record in segment(path)]
    return ends[len(kinds) - kinds[::-1].index(kind)]


@pytest.mark.parametrize(
    ("person", "answer", "sold"),
    [(again, "sold", [7]), (done, "sold", []), (deny, "in doubt", []), (None, "in doubt", [])],
)
def test_person_decides_and_the_answer_is_the_same_ever_after(
    tmp_path: Path, person: Person | None, answer: str, sold: list[int]
) -> None:
    stage = in_doubt(tmp_path, person)
    assert asyncio.run(stage.run(sells)) == answer
    assert stage.shop.sold == sold
    stage.person = None if person is None else never
    assert asyncio.run(stage.run(sells)) == answer
    assert stage.shop.sold == []


def never(trap: Trap, ticket: Ticket) -> None:
    raise AssertionError("it has been answered")


def test_what_is_asked_says_what_and_since_when(tmp_path: Path) -> None:
    asked: list[Any] = []

    def look(trap: Trap, ticket: Ticket) -> None:
        asked.append((ticket.call.syscall.name, ticket.call.arguments(), ticket.call.doubt))
        done(trap, ticket)

    stage = in_doubt(tmp_path, look)
    story = stage.story()
    assert story is not None
    asyncio.run(stage.run(sells))
    assert asked == [("shop.sell", {"item": 7}, story.doubtful[1])]


def test_kernel_that_dies_over_the_question_or_the_repetition_asks_once_more(
    tmp_path: Path,
) -> None:
    # Before the answer nothing was written but the census; then the intent, then the outcome.
    for back, sold in ((3, [7]), (2, [7]), (1, [])):
        stage = in_doubt(tmp_path / str(back), again)
        asyncio.run(stage.run(sells))
        stage.cut(boundaries(stage.folder)[-back])
        assert asyncio.run(stage.run(sells)) == "sold"
        assert stage.shop.sold == sold


@pytest.mark.parametrize("held", ["shop.look", "shop.sell{item=8}"])
def test_repetition_that_is_refused_leaves_the_doubt(tmp_path: Path, held: str) -> None:
    def revoke(trap: Trap, ticket: Ticket) -> None:
        process = ticket.call.process
        process.capabilities = type(process.capabilities).parse([held])
        again(trap, ticket)

    stage = in_doubt(tmp_path, revoke)
    assert asyncio.run(stage.run(sells)) == "in doubt"
    assert stage.shop.sold == []


@given(
    steps=PROGRAMS,
    kills=st.lists(st.floats(0, 1), min_size=1, max_size=3),
    answers=st.lists(st.sampled_from([again, done, deny]), min_size=1, max_size=4),
)
@settings(max_examples=40, deadline=None)
def test_nothing_is_sold_twice_unless_a_person_says_so(
    steps: list[Step], kills: list[float], answers: list[Callable[..., None]]
) -> None:
    program, repeated = numbered(steps), set[int]()

    def person(trap: Trap, ticket: Ticket) -> None:
        item = ticket.call.arguments()["item"]
        said = answers[item % len(answers)]
        if said is again:
            repeated.add(item)
        said(trap, ticket)

    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(folder=Path(folder), person=person)
        asyncio.run(stage.run(lambda client: play(client, program)))
        for share in kills:
            stage.cut(round(boundaries(stage.folder)[-1] * share))
            out, told = intended(stage.folder), known(stage)
            answer = asyncio.run(stage.run(lambda client: play(client, program)))
            assert not stage.killer.reasons
            assert not (set(out) & set(stage.shop.sold)) - repeated
            assert len(set(stage.shop.sold)) == len(stage.shop.sold)
            now = known(stage)
            assert {ask: now[ask] for ask in told} == told
        assert asyncio.run(stage.run(lambda client: play(client, program))) == answer
        assert not stage.shop.sold
