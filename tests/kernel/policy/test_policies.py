"""What holds for every policy: no call is lost or repeated, and none waits past the bound."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmagentos.kernel.policy.contract import Policy, Waiting, weight
from llmagentos.kernel.policy.fair import Fair
from llmagentos.kernel.policy.fifo import Fifo
from llmagentos.kernel.policy.priority import AGEING, Priority
from llmagentos.kernel.policy.program import (
    LONGEST,
    QUANTUM,
    STEP,
    STRETCH,
    Program,
    ProgramFair,
)

POLICIES = [Fifo, Priority, Fair, Program, ProgramFair]
NICES = st.integers(-20, 19)
#: What to do, a number to choose a call by, a process, a nice value, and a service or a delay.
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["add", "add", "again", "remove", "pop", "pop", "charge", "end"]),
        st.integers(0, 99),
        st.integers(1, 6),
        NICES,
        st.floats(0, 50),
    ),
    max_size=80,
)


def call(key: int, pid: int = 1, nice: int = 0, arrived: float = 0.0) -> Waiting:
    return Waiting(key=key, pid=pid, principal=f"user{pid % 3}", nice=nice, arrived=arrived)


@pytest.mark.parametrize("make", POLICIES)
@given(STEPS)
def test_no_call_is_lost_or_repeated_and_the_lowest_rank_comes_next(
    make: Callable[[], Policy], steps: list[tuple[str, int, int, int, float]]
) -> None:
    policy, waiting, now = make(), dict[int, Waiting](), 0.0
    popped: list[Waiting] = []
    for number, (what, which, pid, nice, amount) in enumerate(steps):
        now += amount / 10
        chosen = list(waiting)[which % len(waiting)] if waiting else None
        if what == "add":
            waiting[number] = call(number, pid, nice, now)
            policy.add(waiting[number], now)
        elif what == "again" and chosen is not None:
            waiting[chosen] = replace(waiting[chosen], nice=nice)
            policy.add(waiting[chosen], now)
        elif what == "remove":
            key = -1 if chosen is None else chosen
            assert policy.remove(key) == waiting.pop(key, None)
        elif what == "pop":
            ranks = {key: policy.rank(item, now) for key, item in waiting.items()}
            item = policy.pop(now)
            assert (item is None) == (not waiting)
            if item is not None:
                assert waiting.pop(item.key) == item
                popped.append(item)
                if make in (Fifo, Priority):
                    assert ranks[item.key] == min(ranks.values())
                elif make in (Fair, ProgramFair):
                    assert ranks[item.key][0] == min(ranks.values())[0]
        elif popped:
            policy.charge(popped[which % len(popped)], amount, now)
            ranks = {item.key: policy.rank(item, now) for item in popped}
            assert len(set(ranks.values())) == len(popped)
            if what == "end":
                policy.end(popped.pop(which % len(popped)), now)
        assert len(policy) == len(waiting)
        assert {item.key: item for item in policy.items()} == waiting
    rest = [item.key for _ in waiting if (item := policy.pop(now)) is not None]
    assert sorted(rest) == sorted(waiting) and policy.pop(now) is None


@pytest.mark.parametrize("make", POLICIES)
def test_calls_of_one_process_come_in_their_order(make: Callable[[], Policy]) -> None:
    policy = make()
    for key in (3, 1, 2):
        policy.add(call(key, arrived=float(key)), float(key))
    assert [item.key for _ in range(3) if (item := policy.pop(9.0))] == [1, 2, 3]


@pytest.mark.parametrize("make", POLICIES)
def test_call_that_was_taken_out_and_comes_back_keeps_its_place(
    make: Callable[[], Policy],
) -> None:
    policy = make()
    for key in (1, 2):
        policy.add(call(key, arrived=1.0), 1.0)
    first = policy.remove(1)
    assert first is not None
    policy.add(first, 2.0)
    item = policy.pop(2.0)
    assert item is not None and item.key == 1


#: An adversary's round: its seconds, how many calls come, their process, nice and service.
ROUNDS = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 3), st.integers(1, 4), NICES, st.integers(0, 2000)),
    min_size=1,
    max_size=5,
)


def bound(policy: Policy, item: Waiting) -> float:
    """The seconds after a call's coming in which others may come that pass it."""
    if isinstance(policy, Priority):
        return (item.nice + 20) * AGEING
    if isinstance(policy, Program):
        return policy.delay(item.pid) + (item.nice + 20) * STEP
    return 0.0


@pytest.mark.parametrize("make", [Fifo, Priority, Program])
@given(ROUNDS, NICES)
def test_call_is_passed_only_by_those_that_come_within_its_bound(
    make: Callable[[], Policy], pattern: list[tuple[int, int, int, int, int]], nice: int
) -> None:
    policy, now, keys = make(), 0.0, itertools.count()
    latest: dict[int, float] = {}  # by waiting call, the last coming that may pass it

    def come(pid: int, nice: int) -> None:
        item = call(next(keys), pid, nice, now)
        latest[item.key] = now + bound(policy, item)
        policy.add(item, now)

    policy.charge(call(-1, pid=9), 1e6, now)
    for victim in range(1, 10):
        come(victim, nice)
    for delay, count, pid, urgency, service in itertools.islice(itertools.cycle(pattern), 80):
        now += delay
        for _ in range(count):
            come(pid, urgency)
        if (popped := policy.pop(now)) is not None:
            policy.charge(popped, float(service), now)
            policy.end(popped, now)
            del latest[popped.key]
            assert all(popped.arrived <= moment + 1e-9 for moment in latest.values())


def test_adversary_cannot_keep_the_least_urgent_call_waiting() -> None:
    policy = Priority()
    policy.add(call(0, nice=19), 0.0)
    for second in range(1, 100):
        policy.add(call(second, nice=-20, arrived=float(second)), float(second))
        if (item := policy.pop(float(second))) is not None and item.key == 0:
            break
    assert second <= 39 * AGEING + 1


def order(policy: Policy) -> list[int]:
    items = iter(lambda: policy.pop(0.0), None)
    return [item.key for item in items if item is not None]


def test_process_that_got_less_comes_first_and_an_old_call_before_it() -> None:
    policy = Program()
    policy.charge(call(0, pid=1), 10.0, 0.0)
    policy.add(call(1, pid=1, arrived=0.0), 0.0)
    policy.add(call(2, pid=2, arrived=1.0), 1.0)
    policy.add(call(3, pid=3, arrived=1.0 + 10 * STRETCH), 9.0)
    assert order(policy) == [2, 1, 3]


def test_service_puts_a_process_behind_by_the_level_and_not_for_ever() -> None:
    policy = Program()
    delays = [policy.delay(1)]
    for quanta in (0.5, 0.5, 1.0, 1.0, 1e9, 1e300):
        policy.charge(call(0, pid=1), quanta * QUANTUM, 0.0)
        delays.append(policy.delay(1))
    level = [0.0, STRETCH * QUANTUM, 3 * STRETCH * QUANTUM]
    expected = [level[0], level[0], level[1], level[1], level[2], LONGEST, LONGEST]
    assert delays == pytest.approx(expected)


def test_running_call_sinks_as_its_process_is_served() -> None:
    policy = Program()
    items = [call(1, pid=1, arrived=0.0), call(2, pid=2, arrived=1.0)]
    for item in items:
        policy.add(item, 1.0)
        policy.pop(1.0)
    assert policy.rank(items[0], 1.0) < policy.rank(items[1], 1.0)
    policy.charge(items[0], 1.0, 2.0)
    assert policy.rank(items[0], 2.0) > policy.rank(items[1], 2.0)


def test_nice_counts_also_for_a_process_that_has_got_nothing_yet() -> None:
    policy = Program()
    for key, nice in enumerate([10, 0, -20]):
        policy.add(call(key, pid=key, nice=nice, arrived=float(key)), 3.0)
    assert order(policy) == [2, 1, 0]


def test_step_of_nice_is_worth_a_quarter() -> None:
    assert weight(0) == 1
    assert weight(-1) == pytest.approx(1.25)
    assert weight(-20) / weight(19) == pytest.approx(1.25**39)
