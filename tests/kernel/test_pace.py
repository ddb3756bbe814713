"""How long calls take tells how long those take that wait."""

from __future__ import annotations

import pytest

from llmagentos.kernel.pace import Pace


def test_so_many_end_in_the_time_of_one_as_run_at_once() -> None:
    pace = Pace()
    assert pace.wait(5, 1) is None
    pace.note(2.0)
    assert pace.wait(8, 4) == pytest.approx(4.0)
    assert pace.wait(0, 4) == 0.0
    assert pace.wait(3, 0) == pytest.approx(6.0)


def test_later_calls_count_more_than_those_long_ago() -> None:
    pace = Pace()
    for seconds in [1.0] * 50 + [3.0] * 100:
        pace.note(seconds)
    assert pace.wait(1, 1) == pytest.approx(3.0, rel=0.05)
