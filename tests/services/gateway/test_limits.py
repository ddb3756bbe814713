"""Buckets that fill up again as time goes by."""

from __future__ import annotations

import pytest

from llmagentos.services.gateway import limits
from llmagentos.services.gateway.limits import Limits


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_burst_passes_at_once_and_then_the_rate_counts() -> None:
    clock = Clock()
    made = Limits(2.0, 3.0, clock)
    assert [made.take("a") for _ in range(4)] == [0, 0, 0, 0.5]
    assert made.take("b") == 0
    clock.now = 0.5
    assert made.take("a") == 0 and made.take("a") == 0.5
    clock.now = 1000.0
    assert [made.take("a") for _ in range(4)] == [0, 0, 0, 0.5]


def test_looking_takes_nothing() -> None:
    made = Limits(1.0, 1.0, Clock())
    assert made.empty("a") == made.empty("a") == 0
    assert made.take("a") == 0 and made.empty("a") == 1.0


def test_keys_that_are_remembered_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "KNOWN", 1)
    made = Limits(1.0, 1.0, Clock())
    made.take("a")
    made.take("b")
    assert made.empty("a") == 0 and made.empty("b") == 1.0
