from __future__ import annotations

import asyncio
from typing import cast

import pytest

from llmagentos.services.gateway import sessions
from llmagentos.services.gateway.sessions import FRESH, Sessions
from llmagentos.syscalls.errors import PermissionDenied, TryAgain
from llmagentos.syscalls.os import OS
from llmagentos.syscalls.system import Session

from .conftest import System


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Counting(System):
    """A system that counts how often it is asked."""

    asked = 0

    async def session(self, secret: str) -> Session:
        self.asked += 1
        return await super().session(secret)


def of(known: Sessions, header: str | None, *, again: bool = False) -> int:
    return asyncio.run(known.of(header, again=again)).pid


def test_session_is_remembered_for_a_moment_and_then_asked_for_again() -> None:
    system, clock = Counting(), Clock()
    known = Sessions(cast(OS, system), clock)
    assert of(known, "Bearer good") == of(known, "bearer  good ") == 7
    assert system.asked == 1
    clock.now = FRESH
    assert of(known, "Bearer good") == 7 and system.asked == 2
    assert of(known, "Bearer good", again=True) == 7 and system.asked == 3


def test_wrong_token_is_never_remembered() -> None:
    system = Counting()
    known = Sessions(cast(OS, system))
    for _ in range(2):
        with pytest.raises(PermissionDenied):
            of(known, "Bearer bad")
    assert system.asked == 2


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic good", "Bearer \xe9",
                                    "Bearer " + "x" * 200])  # fmt: skip
def test_header_that_can_hold_no_token_is_not_even_asked_about(header: str | None) -> None:
    system = Counting()
    with pytest.raises(PermissionDenied, match="aos token create"):
        of(Sessions(cast(OS, system)), header)
    assert system.asked == 0


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "KNOWN", 1)
    system = Counting()
    known = Sessions(cast(OS, system))
    for header in ("Bearer good", "Bearer other", "Bearer good"):
        of(known, header)
    assert system.asked == 3


def test_token_that_asks_too_often_is_told_when_to_come_back() -> None:
    system, clock = Counting(), Clock()
    known = Sessions(cast(OS, system), clock, rate=1.0)
    burst = int(sessions.BURST / sessions.RATE)
    for _ in range(burst):
        of(known, "Bearer good")
    with pytest.raises(TryAgain) as refusal:
        of(known, "Bearer good")
    assert refusal.value.details["retry_after"] == 1.0
    assert of(known, "Bearer other") == 8
    clock.now = 1.0
    assert of(known, "Bearer good") == 7


def test_guesses_from_one_place_are_not_looked_up_for_long_and_known_tokens_go_on() -> None:
    system, clock = Counting(), Clock()
    known = Sessions(cast(OS, system), clock)
    of(known, "Bearer good")
    for number in range(int(sessions.GUESSED)):
        with pytest.raises(PermissionDenied):
            asyncio.run(known.of(f"Bearer bad-{number}", place="here"))
    asked = system.asked
    for secret in ("bad", "other"):
        with pytest.raises(TryAgain):
            asyncio.run(known.of(f"Bearer {secret}", place="here"))
    assert system.asked == asked
    assert asyncio.run(known.of("Bearer good", place="here")).pid == 7
    assert asyncio.run(known.of("Bearer other", place="elsewhere")).pid == 8
    clock.now = 10.0
    with pytest.raises(PermissionDenied):
        asyncio.run(known.of("Bearer bad", place="here"))
