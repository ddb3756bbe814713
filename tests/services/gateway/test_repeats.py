from __future__ import annotations

import pytest

from llmagentos.services.gateway import repeats
from llmagentos.services.gateway.repeats import BESIDES, KEPT, Answer, Repeats


def answer(body: bytes = b"{}") -> Answer:
    return Answer(status=200, media_type="application/json", body=body)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_first_request_runs_and_later_ones_get_its_answer() -> None:
    kept = Repeats()
    assert kept.begin(("alice", 1, "k"), b"call") is None
    kept.end(("alice", 1, "k"), answer())
    assert kept.begin(("alice", 1, "k"), b"call") == answer()


def test_request_in_flight_blocks_its_repeats_and_another_call_is_told_apart() -> None:
    kept = Repeats()
    kept.begin(("alice", 1, "k"), b"call")
    with pytest.raises(BlockingIOError, match="in flight"):
        kept.begin(("alice", 1, "k"), b"call")
    with pytest.raises(ValueError, match="another"):
        kept.begin(("alice", 1, "k"), b"other")
    assert kept.begin(("alice", 2, "k"), b"other") is None


def test_call_without_an_answer_to_keep_may_run_again() -> None:
    kept = Repeats()
    kept.begin(("alice", 1, "k"), b"call")
    kept.end(("alice", 1, "k"), None)
    assert kept.begin(("alice", 1, "k"), b"other") is None


def test_answers_are_forgotten_after_their_time() -> None:
    clock = Clock()
    kept = Repeats(clock)
    kept.begin(("alice", 1, "k"), b"call")
    kept.end(("alice", 1, "k"), answer())
    clock.now = KEPT
    assert kept.begin(("alice", 1, "k"), b"call") == answer()
    clock.now = KEPT + 1
    assert kept.begin(("alice", 1, "k"), b"call") is None


def test_room_is_bounded_and_calls_in_flight_are_never_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(repeats, "ROOM", 2 * (BESIDES + 40))
    kept = Repeats()
    kept.begin(("alice", 1, "slow"), b"call")
    for number in range(3):
        kept.begin(("alice", 1, str(number)), b"call")
        kept.end(("alice", 1, str(number)), answer(b"x" * 40))
    assert kept.begin(("alice", 1, "0"), b"call") is None
    assert kept.begin(("alice", 1, "2"), b"call") == answer(b"x" * 40)
    with pytest.raises(BlockingIOError):
        kept.begin(("alice", 1, "slow"), b"call")


def test_nobody_pushes_out_what_somebody_keeps_who_holds_less(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(repeats, "ROOM", 20 * BESIDES)
    kept = Repeats()
    for session in range(2):
        key = ("bob", session, "k")
        kept.begin(key, b"call")
        kept.end(key, answer(b"x" * 3 * BESIDES))
    for number in range(100):
        key = ("mallory", number, "k")
        kept.begin(key, b"call")
        kept.end(key, answer(b"x" * (number % 5) * BESIDES))
    kept.begin(("mallory", 0, "huge"), b"call")
    kept.end(("mallory", 0, "huge"), answer(b"x" * 100 * BESIDES))
    assert kept.begin(("mallory", 0, "huge"), b"call") is None
    for session in range(2):
        assert kept.begin(("bob", session, "k"), b"call") is not None
