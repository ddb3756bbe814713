"""What is known of processes."""

from __future__ import annotations

from llmagentos.drivers.inference.local.processes import Processes


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_process_of_which_nothing_was_heard_runs() -> None:
    processes = Processes(Clock())
    assert processes.state(1) == "running"
    processes.set(1, "suspended", None)
    assert processes.state(1) == "suspended"
    processes.set(1, "running", None)
    assert processes.state(1) == "running"


def test_who_is_blocked_comes_back_when_it_was_said() -> None:
    clock = Clock()
    processes = Processes(clock)
    processes.set(1, "blocked", 10.0)
    clock.now += 4
    assert processes.until(1, 0.0) == 6.0


def test_who_is_late_or_says_nothing_is_expected_to_be_away_for_as_long_again() -> None:
    clock = Clock()
    processes = Processes(clock)
    processes.set(1, "blocked", 10.0)
    processes.set(2, "blocked", None)
    clock.now += 30
    assert processes.until(1, 0.0) == 30.0
    assert processes.until(2, 0.0) == 30.0
    assert processes.until(3, 125.0) == 5.0
