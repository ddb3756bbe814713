"""A bounded store: what is used stays, what is not makes room."""

from __future__ import annotations

import pytest

from llmagentos.drivers.inference.local.kept import Kept


def test_a_value_is_made_once_while_there_is_room() -> None:
    kept: Kept[str] = Kept(2)
    made: list[str] = []

    def use(key: str) -> str:
        return kept.get(key, lambda: made.append(key) or key.upper())

    assert [use(key) for key in "abab"] == ["A", "B", "A", "B"]
    assert made == ["a", "b"]
    use("a")
    use("c")
    assert kept.keys() == ["a", "c"]
    use("b")
    assert made == ["a", "b", "c", "b"]


def test_what_cannot_be_made_is_not_kept() -> None:
    kept: Kept[float] = Kept(2)
    with pytest.raises(ZeroDivisionError):
        kept.get("a", lambda: 1 / 0)
    assert kept.keys() == [] and kept.get("a", lambda: 1.0) == 1.0


def test_a_value_can_be_dropped() -> None:
    kept: Kept[int] = Kept(2)
    kept.get("a", lambda: 1)
    kept.drop("a")
    kept.drop("b")
    assert kept.keys() == []
