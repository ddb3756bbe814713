"""Who gives pages back, and how."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmagentos.drivers.inference.local.eviction import Candidate, Costs, LeastWaste, Standing

BLOCKED, SUSPENDED, WAITING = Standing.BLOCKED, Standing.SUSPENDED, Standing.WAITING


def candidate(key: str, standing: Standing = BLOCKED, **fields: Any) -> Candidate[str]:
    return Candidate(key=key, standing=standing, **{"pages": 10, "tokens": 160, **fields})


def order(*candidates: Candidate[str], **fields: Any) -> str:
    """Return all keys in the order in which they give."""
    policy, left, found = LeastWaste(Costs()), list(candidates), ""
    while left:
        chosen = policy.choose(left, **{"running": 10, "places": 99, "forced": True, **fields})
        assert chosen is not None
        found += chosen[0]
        left = [one for one in left if one.key != chosen[0]]
    return found


def test_who_wants_its_pages_last_gives_them_first() -> None:
    assert (
        order(
            candidate("w", WAITING, rank=(1.0,)),
            candidate("x", WAITING, rank=(2.0,)),
            candidate("b", seconds=5.0),
            candidate("c", seconds=50.0),
            candidate("s", SUSPENDED),
        )
        == "scbxw"
    )


def test_the_pinned_give_last() -> None:
    assert order(candidate("p", SUSPENDED, pinned=True), candidate("w", WAITING)) == "wp"


def test_moving_is_chosen_where_it_wastes_less_than_reading() -> None:
    policy = LeastWaste(Costs(read=1e-3, move=1e-4))
    kept = candidate("a", SUSPENDED)
    assert policy.choose([kept], running=10, places=10, forced=False) == ("a", "swap")
    assert policy.choose([kept], running=10, places=9, forced=False) == ("a", "discard")
    slow = LeastWaste(Costs(read=1e-6, move=1e-1))
    assert slow.choose([kept], running=10, places=10, forced=False) == ("a", "discard")


def test_pages_that_are_wanted_soon_stay_unless_there_is_no_other_way() -> None:
    # Moving ten pages out and in makes 1000 running ones wait for 2 ms: 2 page-seconds.
    policy = LeastWaste(Costs(read=1e-3, move=1e-4))
    soon, late = candidate("s", seconds=0.1), candidate("l", seconds=0.3)
    both = [soon, late]
    assert policy.choose([soon], running=1000, places=99, forced=False) is None
    assert policy.choose(both, running=1000, places=99, forced=False) == ("l", "swap")
    assert policy.choose([soon], running=1000, places=99, forced=True) == ("s", "swap")
    assert policy.choose([], running=1000, places=99, forced=True) is None


def test_a_pin_holds_until_there_is_no_other_way() -> None:
    policy, pinned = LeastWaste(Costs()), candidate("p", SUSPENDED, pinned=True)
    assert policy.choose([pinned], running=0, places=99, forced=True) is not None
    assert policy.choose([pinned], running=10, places=99, forced=False) is None


def test_costs_follow_what_is_measured() -> None:
    costs = Costs(read=1.0, move=1.0)
    for _ in range(60):
        costs.has_read(100, 200.0)
        costs.has_moved(10, 5.0)
    assert costs.read == pytest.approx(2.0, rel=1e-3)
    assert costs.move == pytest.approx(0.5, rel=1e-3)


@given(
    st.lists(
        st.builds(
            Candidate,
            key=st.integers(),
            standing=st.sampled_from(Standing),
            pages=st.integers(1, 100),
            tokens=st.integers(1, 1600),
            seconds=st.floats(0, 1e6),
            rank=st.tuples(st.floats(0, 9), st.floats(0, 9)),
            pinned=st.booleans(),
        ),
        max_size=8,
    ),
    st.integers(0, 1000),
    st.integers(0, 100),
)
def test_somebody_gives_whenever_it_has_to_be(
    candidates: list[Candidate[int]], running: int, places: int
) -> None:
    policy = LeastWaste(Costs())
    chosen = policy.choose(candidates, running=running, places=places, forced=True)
    assert (chosen is None) == (not candidates)
    if chosen is not None:
        several = [one for one in candidates if one.key == chosen[0]]
        assert several and (chosen[1] == "discard" or min(one.pages for one in several) <= places)
