"""Contradictions: what cannot hold together is kept and shown."""

from __future__ import annotations

from typing import Any

import pytest

from llmagentos.drivers.knowledge.contradictions import contradictions
from llmagentos.syscalls.knowledge import Claim

from .graphs import base_of


def claim(subject: str, relation: str, object: Any, source: str = "a", **more: Any) -> Claim:
    return Claim(subject=subject, relation=relation, object=object, source=source, **more)


FUNCTIONAL = claim("led_by", "is", "functional")


@pytest.mark.parametrize(
    ("claims", "against"),
    [
        ([FUNCTIONAL, claim("Acme", "led_by", "Ann"), claim("Acme", "led_by", "Bo")], 2),
        ([claim("Acme", "led_by", "Ann"), claim("Acme", "led_by", "Bo", "b")], 0),
        ([FUNCTIONAL, claim("Acme", "led_by", "Ann"), claim("Acme", "led_by", "Ann", "b")], 0),
        ([FUNCTIONAL, claim("Acme", "led_by", "Ann", until="2019"),
          claim("Acme", "led_by", "Bo", since="2019")], 0),
        ([FUNCTIONAL, claim("Acme", "led_by", "Ann", until="2019-02"),
          claim("Acme", "led_by", "Bo", since="2019")], 2),
        ([claim("Acme", "size", 10), claim("Acme", "size", 12, "b")], 2),
        ([claim("Acme", "size", 10), claim("Acme", "size", 12)], 0),
        ([claim("Acme", "size", 10), claim("Acme", "size", 12, "b"), claim("Acme", "size", 13, "c")], 3),  # noqa: E501
        ([claim("size", "is", "plural"), claim("Acme", "size", 10), claim("Acme", "size", 12, "b")], 0),  # noqa: E501
        ([claim("Acme", "tel", 10), claim("Acme", "tel", 12), claim("Acme", "tel", 12, "b")], 0),
        ([claim("Acme", "open", True), claim("Acme", "open", False)], 2),
    ],
)  # fmt: skip
def test_facts_contradict_at_times_that_overlap(claims: list[Claim], against: int) -> None:
    base, scope = base_of(claims)
    found = contradictions(base, scope, 10)
    assert sum(len(one.facts) for one in found) == against
    assert all(
        {(f.subject, f.relation) for f in one.facts} == {(one.subject, one.relation)}
        for one in found
    )


def test_contradictions_are_given_thing_by_thing_up_to_the_limit() -> None:
    claims = [claim(f"c{n}", "size", n + m, f"s{m}") for n in range(5) for m in range(3)]
    base, scope = base_of(claims)
    found = contradictions(base, scope, 4)
    assert [len(one.facts) for one in found] == [3, 3, 3, 3]
    assert len(contradictions(base, scope, 100)) == 5
