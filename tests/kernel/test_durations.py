"""What a call is compared with, and how long its like has taken."""

from __future__ import annotations

from typing import Any

import pytest

from llmagentos.kernel import durations
from llmagentos.kernel.call import READ, Call
from llmagentos.kernel.durations import LONGEST, Durations
from llmagentos.kernel.process import ProcessTable
from llmagentos.syscalls.codec import pack
from llmagentos.syscalls.interface import Traits
from llmagentos.syscalls.table import Description


def call(body: bytes, subject: str | None = "name") -> Call:
    described = Description(
        name="tool.call", doc="", traits=Traits(subject=subject), parameters=[], arguments={},
        result={},
    )  # fmt: skip
    caller = ProcessTable().create(principal="ada", program="test")
    return Call(1, described, caller, 1, caller, 0.0, 30.0, body)


@pytest.mark.parametrize(
    ("arguments", "subject"),
    [
        ({"name": "fetch"}, "fetch"),
        ({"name": "x" * 999}, "x" * LONGEST),
        ({"name": 7}, ""),
        ({}, ""),
        ([1], ""),
        (None, ""),
    ],
)
def test_call_is_compared_with_those_about_the_same(arguments: Any, subject: str) -> None:
    assert Durations.like(call(pack(arguments))) == ("tool.call", subject)


def test_arguments_that_are_malformed_or_large_or_about_nothing_are_not_looked_into() -> None:
    large = pack({"name": "fetch", "body": "x" * READ})
    for one in (call(b"\xc1"), call(large), call(pack({"name": "fetch"}), None)):
        assert Durations.like(one) == ("tool.call", "")


def test_what_is_expected_follows_what_was_seen() -> None:
    known, like = Durations(), ("tool.call", "fetch")
    assert known.expect(like) is None
    known.learn(like, 2.0)
    assert known.expect(like) == 2.0
    for _ in range(30):
        known.learn(like, 5.0)
    assert known.expect(like) == pytest.approx(5.0, abs=0.01)


def test_kinds_of_calls_that_come_no_more_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(durations, "REMEMBERED", 2)
    known = Durations()
    for name in ("a", "b", "a", "c"):
        known.learn(("tool.call", name), 1.0)
    assert [known.expect(("tool.call", name)) for name in "abc"] == [1.0, None, 1.0]
