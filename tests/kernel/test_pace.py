"""How fast calls end is learned while others wait for their place."""

from __future__ import annotations

import pytest

from llmagentos.kernel.pace import Pace


def test_time_until_so_many_have_ended_follows_the_typical_interval() -> None:
    pace = Pace()
    assert pace.wait(5) is None
    for tick in range(200):  # four at a time, every two seconds
        pace.note(2.0 * (tick // 4), busy=True)
    assert pace.wait(10) == pytest.approx(5.0, rel=0.2)


def test_time_in_which_nobody_waited_tells_nothing() -> None:
    pace = Pace()
    pace.note(0.0, busy=True)
    pace.note(1.0, busy=True)
    pace.note(50.0, busy=False)
    pace.note(90.0, busy=True)
    pace.note(91.0, busy=True)
    assert pace.wait(3) == pytest.approx(3.0)
