"""Nobody spends more than it and all above it may, and every cost is found again."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmagentos.kernel.budget import RESOURCES, Budget, Held, Limits, Reservation
from llmagentos.syscalls.errors import InvalidArgument, QuotaExceeded


def budget(**bounds: float) -> Budget:
    return Budget(Limits.parse(bounds))


def test_refusal_names_the_resource_what_was_asked_and_what_is_left() -> None:
    parent = budget(tokens=10)
    child = parent.child()
    child.reserve({"tokens": 4})
    with pytest.raises(QuotaExceeded, match="7 tokens, and 6 are left") as refusal:
        child.reserve({"money": 1, "tokens": 7})
    assert refusal.value.details == {"resource": "tokens", "asked": 7, "left": 6}
    assert parent.snapshot()["reserved"] == {"tokens": 4}


def test_child_with_a_larger_limit_is_held_by_its_parents() -> None:
    child = budget(tokens=10).child(Limits.parse({"tokens": 99}))
    assert child.remaining("tokens") == 10
    with pytest.raises(QuotaExceeded):
        child.reserve({"tokens": 11})


def test_siblings_spend_from_one_rest() -> None:
    parent = budget(money=1.0)
    parent.child().spend({"money": 0.75})
    with pytest.raises(QuotaExceeded):
        parent.child().reserve({"money": 0.5})


def test_cost_above_the_reservation_is_noted_and_refuses_what_follows() -> None:
    node = budget(tokens=10)
    node.commit(node.reserve({"tokens": 5}), {"tokens": 12})
    assert node.usage() == {"tokens": 12}
    with pytest.raises(QuotaExceeded) as refusal:
        node.reserve({"tokens": 0})
    assert refusal.value.details["left"] == 0


def test_cost_is_committed_once_and_even_after_a_release() -> None:
    node = budget(tokens=10)
    held = node.reserve({"tokens": 5})
    node.release(held)
    node.release(held)
    assert node.remaining("tokens") == 10
    node.commit(held, {"tokens": 3})
    node.commit(held, {"tokens": 3})
    assert node.usage() == {"tokens": 3}


def test_cost_that_is_no_number_counts_as_what_was_reserved() -> None:
    node = budget(tokens=10)
    node.commit(node.reserve({"tokens": 5}), {"tokens": math.nan, "money": math.inf, "odd": 1})
    node.spend({"tokens": -3, "money": math.nan})
    assert node.usage() == {"tokens": 5}


@pytest.mark.parametrize("amounts", [{"tokens": -1}, {"tokens": math.nan}, {"cake": 1}])
def test_amount_that_is_none_cannot_be_reserved(amounts: dict[str, float]) -> None:
    with pytest.raises(InvalidArgument):
        budget().reserve(amounts)


@pytest.mark.parametrize("bounds", [{"cake": 1}, {"tokens": -1}, {"tokens": math.nan}])
def test_malformed_limit_is_refused(bounds: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument):
        Limits.parse(bounds)


def test_missing_limit_is_none() -> None:
    assert Limits.parse({"tokens": None, "money": math.inf, "processes": 2}).bounds == {
        "processes": 2
    }
    assert not budget().limited("tokens") and budget().remaining("tokens") == math.inf


def test_ended_process_makes_room_once_and_its_calls_in_flight_keep_theirs() -> None:
    parent = budget(processes=1, tokens=10)
    child = parent.child()
    child.start_process()
    child.start_process()
    with pytest.raises(QuotaExceeded):
        parent.child().start_process()
    held = child.reserve({"tokens": 8})
    child.close()
    child.close()
    parent.child().start_process()
    assert parent.remaining("tokens") == 2
    child.commit(held, {"tokens": 8})
    assert parent.snapshot() == {
        "limits": {"processes": 1, "tokens": 10},
        "spent": {"tokens": 8},
        "reserved": {"processes": 1},
        "remaining": {"tokens": 2, "processes": 0},
    }


def test_shortest_wall_time_of_the_path_counts() -> None:
    child = budget(wall_seconds=5).child(Limits.parse({"wall_seconds": 9}))
    assert child.wall_seconds() == 5
    assert budget().wall_seconds() is None


def test_fractions_given_back_leave_nothing_reserved() -> None:
    node = budget(money=0.3)
    for held in [node.reserve({"money": 0.1}), node.reserve({"money": 0.2 - 1e-12})]:
        node.release(held)
    assert node.reserve({"money": 0.3}).open


Step = tuple[str, int, int]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["child", "reserve", "draw", "commit", "release", "close"]),
        st.integers(0, 30),
        st.integers(0, 40),
    ),
    max_size=60,
)


@given(STEPS, st.integers(0, 60))
def test_no_interleaving_overspends_and_every_cost_is_summed_at_every_ancestor(
    steps: list[Step], bound: int
) -> None:
    tree: list[tuple[Budget, int | None]] = [(budget(tokens=bound), None)]
    own: list[int] = [0]
    flights: list[tuple[int, Reservation, int]] = []
    for what, which, amount in steps:
        index = which % len(tree)
        node = tree[index][0]
        if what == "child":
            tree.append((node.child(Limits.parse({"tokens": amount})), index))
            own.append(0)
        elif what == "reserve":
            try:
                flights.append((index, node.reserve({"tokens": amount}), amount))
            except QuotaExceeded:
                assert amount > node.remaining("tokens")
        elif what == "close":
            node.close()
        elif flights:
            index, held, asked = flights.pop(which % len(flights))
            actual = min(amount, asked) if what in ("draw", "commit") else 0
            if what == "draw":
                tree[index][0].draw(held, {"tokens": actual})
                flights.append((index, held, asked - actual))
            else:
                tree[index][0].commit(held, {"tokens": actual})
            own[index] += actual
        assert_sums(tree, own, flights)


def assert_sums(
    tree: list[tuple[Budget, int | None]], own: list[int], flights: list[tuple[int, Any, int]]
) -> None:
    spent, reserved = list(own), [0] * len(tree)
    for index, _, asked in flights:
        reserved[index] += asked
    for index in reversed(range(1, len(tree))):  # children come after their parents
        parent = tree[index][1]
        assert parent is not None
        spent[parent] += spent[index]
        reserved[parent] += reserved[index]
    for (node, _), used, held in zip(tree, spent, reserved, strict=True):
        assert node.usage().get("tokens", 0) == used
        assert node.snapshot()["reserved"].get("tokens", 0) == held
        assert used + held <= node.limits()["tokens"]


COSTS = st.fixed_dictionaries({name: st.floats(0, 1e6) for name in RESOURCES})


@given(st.lists(st.tuples(COSTS, COSTS), max_size=20))
def test_overruns_are_summed_too(calls: list[tuple[dict[str, float], dict[str, float]]]) -> None:
    root = budget()
    nodes = [root.child(), root.child().child()]
    held = [nodes[n % 2].reserve(asked) for n, (asked, _) in enumerate(calls)]
    for n, (_, actual) in enumerate(calls):
        nodes[n % 2].commit(held[n], actual)
    for name in RESOURCES:
        assert root.usage().get(name, 0.0) == pytest.approx(sum(cost[name] for _, cost in calls))
    assert root.snapshot()["reserved"] == {}


def test_cost_beyond_what_was_set_aside_is_drawn_from_what_is_left_and_then_refused() -> None:
    parent = budget(tokens=10)
    node = parent.child()
    held, other = node.reserve({"tokens": 4}), node.reserve({"tokens": 3})
    node.draw(held, {"tokens": 6, "money": 1.0})
    assert parent.snapshot()["reserved"] == {"tokens": 3} and parent.remaining("tokens") == 1
    with pytest.raises(QuotaExceeded):
        node.draw(held, {"tokens": 2})
    node.draw(other, {"tokens": 3})
    node.commit(held, {})
    node.commit(other, {})
    assert parent.usage() == {"tokens": 11, "money": 1.0} and parent.snapshot()["reserved"] == {}


def test_cost_without_a_reservation_is_refused_once_nothing_is_left() -> None:
    node = budget(money=1)
    node.draw(None, {"money": 1.0})
    with pytest.raises(QuotaExceeded):
        node.draw(None, {"money": 0.5})
    assert node.usage() == {"money": 1.5}


def test_unknown_cost_sets_all_aside_that_is_left_and_whoever_comes_meanwhile_may_try_again() -> (
    None
):
    parent = budget(money=1.0)
    first, second = parent.child(Limits.parse({"money": 0.5})), parent.child()
    held = first.reserve({"money": math.inf}, {"money": 0.0})
    assert parent.snapshot()["reserved"] == {"money": 0.5}
    with pytest.raises(Held) as own:
        first.reserve({"money": 0.1}, {"money": 0.1})
    assert own.value.node is first and own.value.details["retry_after"] > 0
    second.reserve({"money": math.inf}, {"money": 0.0})
    with pytest.raises(Held) as theirs:
        second.reserve({"money": math.inf}, {"money": 0.0})
    assert theirs.value.node is parent
    first.commit(held, {"money": 0.5})
    with pytest.raises(QuotaExceeded, match="no money are left"):
        first.reserve({"money": math.inf}, {"money": 0.0})


def test_what_costs_nothing_waits_for_nobody_and_is_refused_once_all_is_spent() -> None:
    node = budget(money=1.0)
    held = node.reserve({"money": math.inf}, {"money": 0.0})
    node.release(node.reserve({"money": 0.0}, {"money": 0.0}))
    node.commit(held, {"money": 1.0})
    with pytest.raises(QuotaExceeded):
        node.reserve({"money": 0.0}, {"money": 0.0})


def test_rest_that_is_rounding_alone_is_nothing() -> None:
    node = budget(money=0.3)
    node.spend({"money": 0.1})
    node.reserve({"money": 0.05})
    node.reserve({"money": math.inf}, {"money": 0.0})
    with pytest.raises(Held):
        node.reserve({"money": math.inf}, {"money": 0.0})


ESTIMATES = st.lists(
    st.tuples(
        st.sampled_from(["child", "unknown", "known", "free", "end"]),
        st.integers(0, 30),
        st.floats(0.0, 1.0),
        st.floats(0.01, 50.0),
    ),
    max_size=60,
)


@given(ESTIMATES, st.floats(0.1, 100.0), st.sampled_from(["money", "device_seconds"]))
def test_no_interleaving_of_unknown_costs_spends_more_than_one_call_costs_beyond_what_was_set_aside(
    steps: list[tuple[str, int, float, float]], bound: float, resource: str
) -> None:
    """Whatever a call costs: those that cost no more than was set aside for them spend no more
    than the limit together, and one that costs more ends the budget."""
    tree = [budget(**{resource: bound})]
    root, flights = tree[0], list[tuple[Budget, Reservation]]()
    beyond = 0.0
    for what, which, part, cost in steps:
        node = tree[which % len(tree)]
        if what == "child":
            tree.append(node.child(Limits.parse({resource: cost})))
        elif what == "end":
            if flights:
                owner, held = flights.pop(which % len(flights))
                aside = held.amounts[resource]
                actual = cost if part > 0.9 else part * aside
                beyond += max(actual - aside, 0.0)
                owner.commit(held, {resource: actual})
        else:
            amount = {"unknown": math.inf, "known": cost, "free": 0.0}[what]
            least = {resource: cost * part if what == "known" else 0.0}
            spent = root.usage().get(resource, 0.0)
            try:
                flights.append((node, node.reserve({resource: amount}, least)))
                assert spent < bound
            except Held:
                assert flights
            except QuotaExceeded:
                assert least[resource] or node.remaining(resource) <= 1e-6
        reserved = root.snapshot()["reserved"].get(resource, 0.0)
        assert root.usage().get(resource, 0.0) + reserved <= bound + beyond + 1e-6
