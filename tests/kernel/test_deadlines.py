"""A deadline is never reported early, and never lost."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from llmagentos.kernel.deadlines import DeadlineWheel


@given(st.dictionaries(st.integers(1, 99), st.floats(0, 10)), st.lists(st.floats(0, 11)))
def test_deadlines_are_reported_once_after_they_passed_and_within_two_ticks(
    deadlines: dict[int, float], looks: list[float]
) -> None:
    wheel, seen = DeadlineWheel(), set()
    for key, deadline in deadlines.items():
        wheel.add(key, deadline)
    for now in [*sorted(looks), 11.0]:
        expired = wheel.expired(now)
        assert not seen & set(expired)
        seen |= set(expired)
        assert all(deadlines[key] < now for key in expired)
        overdue = {key for key, at in deadlines.items() if at + 2 * wheel.tick < now}
        assert overdue <= seen
    assert seen == deadlines.keys() and len(wheel) == 0


def test_discarded_deadline_is_not_reported() -> None:
    wheel = DeadlineWheel()
    wheel.add(1, 0.5)
    wheel.discard(1, 0.5)
    wheel.discard(2, 0.5)
    assert wheel.expired(9.0) == []


def test_deadline_in_the_past_is_reported_at_the_next_tick() -> None:
    wheel = DeadlineWheel()
    wheel.expired(5.0)
    wheel.add(1, 0.0)
    assert wheel.expired(5.0 + 2 * wheel.tick) == [1]
