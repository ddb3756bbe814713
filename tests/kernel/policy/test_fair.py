"""Principals get what is theirs, within the bound that the paper proves."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from llmagentos.kernel.policy.contract import Waiting
from llmagentos.kernel.policy.fair import LAG, SLICE, Fair

WEIGHTS = {"ada": 1.0, "bob": 2.0, "eve": 0.5, "joe": 1.0}
ESTIMATE, SMALLEST, LARGEST = 1.0, 0.25, 8.0


class Device:
    """A device with slots whose calls all end when the test says so."""

    def __init__(self, slots: int, weights: dict[str, float]) -> None:
        self.policy = Fair(estimate=ESTIMATE)
        self.slots = slots
        self.weights = weights
        self.keys = itertools.count()
        self.waiting: Counter[str] = Counter()
        self.charged = dict.fromkeys(weights, 0.0)
        self.used: defaultdict[int, float] = defaultdict(float)
        self.running: list[Waiting] = []
        self.popped: list[str] = []

    def arrive(self, principal: str) -> Waiting:
        key, weight = next(self.keys), self.weights[principal]
        item = Waiting(key=key, pid=1, principal=principal, weight=weight, arrived=key)
        self.policy.add(item, 0.0)
        self.waiting[principal] += 1
        return item

    def admit(self) -> None:
        while len(self.running) < self.slots and (item := self.policy.pop(0.0)) is not None:
            self.running.append(item)
            self.waiting[item.principal] -= 1
            self.popped.append(item.principal)

    def charge(self, item: Waiting, service: float) -> None:
        """No call uses more than the largest."""
        service = min(service, LARGEST - self.used[item.key])
        self.used[item.key] += service
        self.policy.charge(item, service, 0.0)
        self.charged[item.principal] += service / self.weights[item.principal]

    def step(self, which: int, service: float) -> None:
        if self.running:
            self.charge(self.running[which % len(self.running)], service)

    def finish(self, which: int, service: float) -> None:
        if self.running:
            item = self.running.pop(which % len(self.running))
            self.charge(item, service)
            self.policy.end(item, 0.0)

    def unfairness(self) -> float:
        """The paper's U."""
        return self.slots * max(LARGEST, ESTIMATE) / min(self.weights.values()) + LAG


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(sorted(WEIGHTS)), st.integers(1, 12)),
        st.tuples(st.integers(0, 7), st.sampled_from([SMALLEST, 0.5, 1.0, 3.0, LARGEST])),
        st.tuples(st.integers(-8, -1), st.sampled_from([SMALLEST, 0.5, 1.0, 3.0])),
    ),
    max_size=200,
)


def act(device: Device, action: tuple[str | int, float]) -> None:
    who, amount = action
    if isinstance(who, str):
        for _ in range(int(amount)):
            device.arrive(who)
    elif who < 0:
        device.step(who, amount)
    else:
        device.finish(who, amount)
    device.admit()


@given(ACTIONS, st.integers(1, 4))
def test_backlogged_principals_are_served_alike_within_twice_the_bound(
    actions: list[tuple[str | int, float]], slots: int
) -> None:
    device = Device(slots, WEIGHTS)
    spans: dict[tuple[str, str], tuple[float, float]] = {}
    for action in actions:
        act(device, action)
        busy = [name for name in WEIGHTS if device.waiting[name]]
        together = dict.fromkeys(itertools.combinations(busy, 2))
        spans = {pair: span for pair, span in spans.items() if pair in together}
        for one, other in together:
            policy = device.policy
            assert abs(policy.counter(one) - policy.counter(other)) <= device.unfairness() + 1e-6
            lead = device.charged[one] - device.charged[other]
            low, high = spans.get((one, other), (lead, lead))
            spans[one, other] = low, high = min(low, lead), max(high, lead)
            assert high - low <= 2 * device.unfairness() + 1e-6
    event(f"backlogged pairs: {bool(spans)}")


#: What comes in one round, and what the call that ends in it has used.
ROUNDS = st.lists(
    st.tuples(
        st.lists(st.sampled_from(["ada", "bob", "eve"]), max_size=3), st.sampled_from([1.0, 2.0])
    ),
    min_size=1,
    max_size=5,
)


@given(ROUNDS, st.lists(st.sampled_from(["ada", "bob", "eve"]), max_size=40), st.integers(1, 2))
def test_principal_that_waits_is_passed_by_no_more_than_the_bound(
    pattern: list[tuple[list[str], float]], backlog: list[str], slots: int
) -> None:
    device = Device(slots, dict.fromkeys(["ada", "bob", "eve"], 1.0))
    most = 2 * (2 * (slots * 2.0 + LAG) / 1.0 + slots)  # (P - 1) · (2 · U · w_max / l + M)
    passed = dict.fromkeys(device.weights, 0)
    for name in backlog:
        device.arrive(name)
    for come, service in itertools.islice(itertools.cycle(pattern), 60):
        before, seen = dict(device.waiting), len(device.popped)
        for name in come:
            device.arrive(name)
        device.finish(0, service)
        device.admit()
        for name in device.weights:
            waits = before.get(name, 0) > 0 and name not in device.popped[seen:]
            passed[name] = passed[name] + len(device.popped) - seen if waits else 0
            assert passed[name] <= most


def test_greedy_principal_cannot_delay_another_by_its_many_calls() -> None:
    device = Device(1, {"ada": 1.0, "eve": 1.0})
    for _ in range(100):
        device.arrive("eve")
    device.admit()
    device.arrive("ada")
    for _ in range(2):
        device.finish(0, 1.0)
        device.admit()
    assert "ada" in device.popped


def test_share_follows_the_weight() -> None:
    device = Device(2, {"ada": 1.0, "bob": 3.0})
    for _ in range(400):
        device.arrive("ada")
        device.arrive("bob")
    device.admit()
    for _ in range(400):
        device.finish(0, 1.0)
        device.admit()
    counts = Counter(device.popped)
    assert counts["bob"] / counts["ada"] == pytest.approx(3, rel=0.05)


def test_idle_principal_saves_up_no_right_to_starve_the_others() -> None:
    device = Device(4, {"ada": 1.0, "bob": 1.0})
    for _ in range(4):
        device.arrive("ada")
    device.admit()
    for _ in range(4):
        device.finish(0, LARGEST)  # ada has the device for itself, and is charged late
    for _ in range(20):
        device.arrive("bob")
        device.arrive("ada")
    device.admit()
    assert Counter(device.popped[4:]) == {"ada": 2, "bob": 2}


def test_free_slots_do_not_all_go_to_one_principal() -> None:
    device = Device(4, {"ada": 1.0, "bob": 1.0})
    for name in ["ada"] * 4 + ["bob"] * 4:
        device.arrive(name)
    device.admit()
    assert Counter(device.popped) == {"ada": 2, "bob": 2}


def test_call_popped_by_another_policy_is_charged_and_leaves_no_estimate() -> None:
    policy = Fair()
    item = Waiting(key=1, pid=1, principal="ada")
    policy.charge(item, 5.0, 0.0)
    policy.end(item, 0.0)
    assert policy.counter("ada") == 5.0
    assert policy.rank(item, 0.0)[0] == 5.0


def test_estimate_gives_way_to_what_a_call_is_charged() -> None:
    policy = Fair(estimate=1.0)
    items = [Waiting(key=key, pid=1, principal="ada") for key in (1, 2)]
    policy.add(items[0], 0.0)
    policy.pop(0.0)
    policy.add(items[1], 0.0)
    standings = [policy.rank(items[1], 0.0)[0]]
    for service in (0.25, 0.75, 0.5):
        policy.charge(items[0], service, 0.0)
        standings.append(policy.rank(items[1], 0.0)[0])
    policy.end(items[0], 0.0)
    assert [*standings, policy.rank(items[1], 0.0)[0]] == [1.0, 1.0, 1.0, 1.5, 1.5]


def running(policy: Fair, *principals: str) -> list[Waiting]:
    items = [Waiting(key=key, pid=key, principal=one) for key, one in enumerate(principals)]
    for item in items:
        policy.add(item, 0.0)
    for _ in items:
        policy.pop(0.0)
    return items


def test_running_calls_of_two_principals_take_turns_by_the_slice() -> None:
    policy = Fair()
    items = running(policy, "ada", "bob")
    turns = []
    for _ in range(40):
        first = min(items, key=lambda item: policy.rank(item, 0.0))
        policy.charge(first, SLICE / 5, 0.0)
        turns.append(first.principal)
    runs = [len(list(group)) for _, group in itertools.groupby(turns)]
    assert turns.count("ada") == pytest.approx(20, abs=5)
    assert all(4 <= run <= 6 or run in (9, 10, 11) for run in runs[:-1])


def test_ranks_of_a_principal_that_runs_alone_stay_as_they_are() -> None:
    policy = Fair()
    items = running(policy, "ada", "ada")
    ranks = [policy.rank(item, 0.0) for item in items]
    policy.charge(items[0], 100.0, 0.0)
    assert [policy.rank(item, 0.0) for item in items] == ranks


def test_principal_whose_calls_stand_still_keeps_its_claim_when_more_of_them_come() -> None:
    policy = Fair()
    first, second = running(policy, "ada", "bob")
    policy.charge(first, 1.5, 0.0)  # ada's call runs, bob's stands still on the device
    policy.add(Waiting(key=7, pid=7, principal="ada"), 0.0)
    policy.pop(0.0)
    policy.add(Waiting(key=8, pid=8, principal="bob"), 0.0)
    policy.pop(0.0)
    assert policy.counter("bob") == 0.0
    assert policy.rank(second, 0.0) < policy.rank(first, 0.0)
    policy.charge(first, 10.0, 0.0)
    policy.add(Waiting(key=9, pid=9, principal="ada"), 0.0)
    policy.add(Waiting(key=10, pid=10, principal="bob"), 0.0)
    assert policy.counter("bob") == pytest.approx(11.5 - LAG)


def test_call_ranked_anew_leaves_its_principals_counter() -> None:
    policy = Fair()
    for key, name in enumerate(["ada", "bob"]):
        policy.add(Waiting(key=key, pid=key, principal=name), 0.0)
    policy.charge(Waiting(key=9, pid=1, principal="bob"), 5.0, 0.0)
    policy.add(Waiting(key=0, pid=0, principal="ada", nice=3), 1.0)
    assert policy.counter("ada") == 0.0
