"""Calls wait, run and leave; each stands in exactly one place until then."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmagentos.kernel.policy.contract import Policy, Waiting
from llmagentos.kernel.policy.fair import Fair
from llmagentos.kernel.policy.fifo import Fifo
from llmagentos.kernel.policy.priority import Priority
from llmagentos.kernel.policy.program import ProgramFair
from llmagentos.kernel.runqueue import RunQueue, service_of
from llmagentos.syscalls.errors import TryAgain


def call(key: int, pid: int = 1, nice: int = 0) -> Waiting:
    return Waiting(key=key, pid=pid, principal=f"user{pid}", nice=nice, arrived=float(key))


def queue_of(*keys: int, slots: int = 0, policy: Policy | None = None) -> RunQueue:
    queue = RunQueue(policy, slots=slots)
    for key in keys:
        queue.submit(call(key))
    return queue


def test_calls_wait_until_the_device_has_slots() -> None:
    queue = queue_of(1, 2, 3)
    assert queue.admit(5.0) == []
    queue.set_slots(2)
    assert queue.admit(5.0) == [1, 2]
    assert queue.admit(5.0) == []
    queue.finish(1, {}, 6.0)
    assert queue.admit(6.0) == [3]


def test_fewer_slots_let_the_running_calls_go_on() -> None:
    queue = queue_of(1, 2, 3, slots=2)
    queue.admit(5.0)
    queue.set_slots(-1)
    queue.finish(1, {}, 6.0)
    assert queue.admit(6.0) == [] and queue.counts()["running"] == 1


def test_full_queue_asks_to_come_again_and_held_calls_count() -> None:
    queue = RunQueue(capacity=2)
    queue.submit(call(1, pid=1))
    queue.submit(call(2, pid=2))
    queue.hold(1)
    with pytest.raises(TryAgain) as refusal:
        queue.submit(call(3, pid=3))
    assert refusal.value.details["retry_after"] > 0
    queue.cancel(1, 5.0)
    queue.submit(call(3, pid=3))


def test_queue_that_is_too_slow_says_when_to_come_again() -> None:
    queue = RunQueue(slots=2, patience=3.0)
    for key in (1, 2):
        queue.submit(call(key, pid=key), 0.0)
    queue.admit(0.0)
    for key in (3, 4):
        queue.submit(call(key, pid=key), 0.0)
    with pytest.raises(TryAgain, match="2 calls wait"):  # nobody knows yet how long they take
        queue.submit(call(5, pid=5), 0.0)
    for key in (1, 2):
        queue.finish(key, {}, 2.0)
    queue.admit(2.0)
    for key in (5, 6, 7, 8):
        queue.submit(call(key, pid=key), 2.0)
    with pytest.raises(TryAgain, match="4 calls wait") as refusal:
        queue.submit(call(9, pid=9), 2.0)
    assert refusal.value.details["retry_after"] == 4.0
    queue.cancel(8, 2.0)
    queue.submit(call(9, pid=9), 2.0)


@pytest.mark.parametrize("make", [Fifo, Priority, Fair, ProgramFair])
def test_suspended_processs_calls_wait_aside_and_keep_their_place(
    make: Callable[[], Policy],
) -> None:
    queue = RunQueue(make(), slots=1)
    queue.submit(Waiting(key=1, pid=1, principal="ada", arrived=1.0))
    queue.submit(Waiting(key=2, pid=2, principal="ada", arrived=2.0))
    queue.hold(1)
    queue.submit(Waiting(key=3, pid=1, principal="ada", arrived=3.0))
    assert queue.snapshot()["held_keys"] == {1: [1, 3]}
    queue.resume(1)
    queue.set_slots(3)
    assert queue.admit(9.0) == [1, 2, 3]


def test_held_call_is_not_let_in_and_another_takes_the_slot() -> None:
    queue = RunQueue(slots=1)
    queue.submit(call(1, pid=1))
    queue.submit(call(2, pid=2))
    queue.hold(1)
    queue.hold(1)
    assert queue.admit(5.0) == [2]
    queue.finish(2, {}, 6.0)
    assert queue.admit(6.0) == []


def test_cancelled_call_is_gone_from_every_place_and_frees_its_slot() -> None:
    queue = queue_of(1, 2, 3, slots=1, policy=Fair())
    queue.submit(call(4, pid=2))
    assert queue.admit(5.0) == [1]
    queue.hold(2)
    for key in (1, 2, 4, 99):
        queue.cancel(key, 5.0)
    assert queue.admit(6.0) == [3]
    queue.resume(2)
    assert queue.waiting == 0


def test_cancelled_running_call_leaves_no_estimate_with_its_principal() -> None:
    policy = Fair()
    queue = queue_of(1, 2, slots=1, policy=policy)
    queue.admit(5.0)
    queue.cancel(1, 5.0)
    assert policy.rank(call(2), 5.0)[0] == policy.counter("user1") == 0.0


def test_call_is_charged_as_it_runs_and_at_its_end_for_the_rest() -> None:
    policy = Fair()
    queue = queue_of(1, 2, 3, slots=3, policy=policy)
    for key in range(1, 4):
        queue.submit(Waiting(key=10 + key, pid=9, principal=f"user{key}"))
    queue.set_slots(6)
    queue.admit(5.0)
    seen = []
    for usage in ({"tokens": 500}, {"tokens": 900, "device_seconds": 2.0}, {"device_seconds": 1.0}):
        queue.charge(1, usage, 6.0)
        seen.append(policy.counter("user1"))
    queue.finish(1, {"device_seconds": 2.5}, 7.0)
    assert [*seen, policy.counter("user1")] == [0.5, 2.0, 2.0, 2.5]
    queue.charge(1, {"device_seconds": 9.0}, 8.0)  # it has ended
    assert policy.counter("user1") == 2.5


def test_call_of_which_nothing_is_reported_counts_as_one() -> None:
    policy = Fair()
    queue = queue_of(1, slots=1, policy=policy)
    queue.admit(5.0)
    queue.finish(1, {"money": 3.0}, 6.0)
    assert policy.counter("user1") == 1.0


def test_ranks_of_running_calls_are_told_once_they_have_changed() -> None:
    queue = RunQueue(Priority(), slots=2)
    for key in (1, 2, 3):
        queue.submit(call(key, pid=key))
    queue.admit(5.0)
    assert queue.rank(1, 5.0) == (1.0, 1) and queue.rank(2, 5.0) == (2.0, 2)
    assert queue.rank(3, 5.0) is None and queue.reranked(5.0) == {}
    for pid in (2, 3):
        queue.renice(pid, -5)
    assert queue.reranked(5.0) == {2: (-3.0, 2)}
    assert queue.reranked(5.0) == {}
    queue.finish(2, {}, 6.0)
    queue.renice(2, 5)
    assert queue.reranked(6.0) == {}


def test_another_policy_ranks_running_calls_among_themselves() -> None:
    queue = queue_of(1, 2, slots=2)
    queue.admit(5.0)
    queue.set_policy("program", ProgramFair, 5.0)
    first, second = queue.rank(1, 5.0), queue.rank(2, 5.0)
    assert first is not None and second is not None and first[0] == second[0] == 0.0


def test_running_calls_of_a_suspended_process_give_their_slots_where_they_can() -> None:
    queue = RunQueue(slots=1)
    for key, pid in ((1, 1), (2, 2), (3, 2)):
        queue.submit(call(key, pid))
    assert queue.admit(5.0) == [1]
    queue.hold(1, preempt=True)
    assert queue.admit(5.0) == [2] and queue.snapshot()["stopped_keys"] == [1]
    queue.resume(1)
    assert queue.admit(5.0) == []
    queue.finish(1, {}, 6.0)
    assert queue.admit(6.0) == []
    queue.finish(2, {}, 6.0)
    assert queue.admit(6.0) == [3]


def test_call_that_waits_again_keeps_its_place_and_is_held_with_its_process() -> None:
    queue = queue_of(1, 2, 3, slots=2)
    queue.admit(5.0)
    queue.set_slots(0)
    queue.requeue(2, 6.0)
    queue.hold(1, preempt=True)
    queue.requeue(1, 6.0)
    queue.requeue(99, 6.0)
    assert sorted(queue.snapshot()["held_keys"][1]) == [1, 2, 3]
    assert queue.counts()["running"] == 0
    queue.resume(1)
    queue.set_slots(3)
    assert queue.admit(7.0) == [1, 2, 3]


def test_finish_of_a_call_that_never_ran_takes_it_out_uncharged() -> None:
    policy = Fair()
    queue = queue_of(1, policy=policy)
    queue.finish(1, {"tokens": 9000}, 5.0)
    assert queue.waiting == 0 and policy.counter("user1") == 0.0


def test_reniced_process_is_ranked_anew_also_while_it_is_held() -> None:
    queue = RunQueue(Priority(), slots=3)
    for key, pid in ((1, 1), (2, 2), (3, 3)):
        queue.submit(Waiting(key=key, pid=pid, principal="ada", arrived=0.0))
    queue.hold(3)
    queue.renice(3, -5)
    queue.renice(2, -10)
    queue.renice(1, 10)
    queue.resume(3)
    assert queue.admit(0.0) == [2, 3, 1]


def test_another_policy_takes_over_what_waits_and_what_runs() -> None:
    queue = queue_of(1, 2, slots=1)
    queue.submit(call(3, pid=2))
    queue.hold(2)
    queue.admit(5.0)
    fair = Fair()
    queue.set_policy("fair", lambda: fair, 5.0)
    assert queue.counts() == {"slots": 1, "running": 1, "waiting": 2, "policy": "fair"}
    queue.resume(2)
    queue.finish(1, {"device_seconds": 4.0}, 6.0)
    assert fair.counter("user1") == 4.0
    assert queue.admit(6.0) == [3]


def test_policy_that_cannot_be_made_leaves_the_queue_as_it_is() -> None:
    queue = queue_of(1, slots=1)
    with pytest.raises(ZeroDivisionError):
        queue.set_policy("broken", lambda: 1 / 0, 5.0)  # type: ignore[arg-type, return-value]
    assert queue.counts()["policy"] == "fifo" and queue.admit(5.0) == [1]


@pytest.mark.parametrize(
    ("usage", "service"),
    [
        ({"device_seconds": 2.5, "tokens": 9}, 2.5),
        ({"device_seconds": 0, "tokens": 1500}, 1.5),
        ({}, 0.0),
        ({"tokens": "many", "device_seconds": -3}, 0.0),
        ({"device_seconds": math.inf, "tokens": math.nan}, 0.0),
    ],
)
def test_service_is_a_number_whatever_a_driver_reports(
    usage: dict[str, Any], service: float
) -> None:
    assert service_of(usage) == service


STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            "submit submit submit admit finish cancel requeue hold preempt resume slots renice "
            "policy charge rerank".split()
        ),
        st.integers(0, 99),
        st.integers(1, 4),
    ),
    max_size=80,
)
POLICIES: list[Callable[[], Policy]] = [Fifo, Priority, Fair, ProgramFair]


@given(STEPS)
def test_every_call_is_let_in_once_and_stands_in_one_place(
    steps: list[tuple[str, int, int]],
) -> None:
    queue, slots = RunQueue(capacity=20), 0
    waiting, running, held = dict[int, int](), list[int](), set[int]()
    pids, stopped = dict[int, int](), set[int]()
    for key, (what, which, pid) in enumerate(steps):
        pids[key] = pid
        if what == "submit":
            if len(waiting) < 20:
                queue.submit(call(key, pid))
                waiting[key] = pid
            else:
                with pytest.raises(TryAgain):
                    queue.submit(call(key, pid))
        elif what == "admit":
            free = sum(pid not in held for pid in waiting.values())
            admitted = queue.admit(float(key))
            taken = len(running) - len(stopped & set(running))
            assert len(admitted) == max(0, min(slots - taken, free))
            assert all(waiting.pop(one) not in held for one in admitted)
            running += admitted
            assert all(queue.rank(one, float(key)) for one in admitted)
        elif what == "finish" and running:
            queue.finish(running.pop(which % len(running)), {"tokens": which}, float(key))
        elif what == "cancel" and (everything := [*waiting, *running]):
            gone = everything[which % len(everything)]
            queue.cancel(gone, 5.0)
            waiting.pop(gone, None)
            running = [one for one in running if one != gone]
        elif what == "requeue" and running:
            again = running.pop(which % len(running))
            queue.requeue(again, float(key))
            waiting[again] = pids[again]
        elif what in ("hold", "preempt"):
            queue.hold(pid, preempt=what == "preempt")
            held.add(pid)
            if what == "preempt":
                stopped |= {one for one in running if pids[one] == pid}
        elif what == "resume":
            queue.resume(pid)
            held.discard(pid)
            stopped -= {one for one in stopped if pids[one] == pid}
        elif what == "charge" and running:
            queue.charge(running[which % len(running)], {"tokens": which}, float(key))
        elif what == "rerank":
            assert queue.reranked(float(key)).keys() <= set(running)
        elif what == "slots":
            slots = which % 5
            queue.set_slots(slots)
        elif what == "renice":
            queue.renice(pid, which % 40 - 20)
        elif what == "policy":
            queue.set_policy(str(which), POLICIES[which % len(POLICIES)], float(key))
        stopped &= set(running)
        assert_places(queue, waiting, running, held)
        assert queue.snapshot()["stopped_keys"] == sorted(stopped)


def assert_places(
    queue: RunQueue, waiting: dict[int, int], running: list[int], held: set[int]
) -> None:
    shown = queue.snapshot()
    assert sorted(shown["running_keys"]) == sorted(running)
    assert sorted(shown["waiting_keys"]) == sorted(
        key for key, pid in waiting.items() if pid not in held
    )
    aside = {key: pid for pid, keys in shown["held_keys"].items() for key in keys}
    assert aside == {key: pid for key, pid in waiting.items() if pid in held}
    assert queue.waiting == len(waiting)
