"""What dies starts again, later each time, and not for ever."""

from __future__ import annotations

from llmagentos.kernel.restarts import FIRST_DELAY, INTENSITY, LONGEST_DELAY, PERIOD, Restarts


def test_first_restart_comes_at_once_and_each_further_one_later_until_it_is_given_up() -> None:
    restarts = Restarts()
    delays = [restarts.died(1.0) for _ in range(INTENSITY)]
    doubled = [min(FIRST_DELAY * 2**n, LONGEST_DELAY) for n in range(INTENSITY - 2)]
    assert delays == [0.0, *doubled, None]


def test_deaths_of_long_ago_count_no_more() -> None:
    restarts = Restarts()
    assert {restarts.died(n * (PERIOD + 1)) for n in range(3 * INTENSITY)} == {0.0}
