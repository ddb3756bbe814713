"""A child never holds more than its parent, whatever is asked for."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmagentos.kernel.capability import (
    CONDITIONS,
    EFFECTLESS,
    UNTAINTED,
    Capability,
    CapabilitySet,
    Verdict,
)
from llmagentos.syscalls.errors import InvalidArgument, PermissionDenied

WORD = st.text("ab.*", min_size=1, max_size=4)
CAPABILITIES = st.builds(
    Capability,
    syscall=WORD,
    subject=st.none() | st.text("ab*", min_size=1, max_size=3),
    constraints=st.lists(st.tuples(st.just("path"), st.text("ab*", max_size=3)), max_size=1).map(
        tuple
    ),
    conditions=st.frozensets(st.sampled_from(sorted(CONDITIONS))),
    asks=st.booleans(),
)
NAMES = ["a", "b", "ab", "a.b", "b.a", "aa", "a.a"]
VALUES = [None, "a", "b", "ab", "ba", "aab"]
HELD = [
    frozenset(),
    frozenset({UNTAINTED}),
    frozenset({EFFECTLESS}),
    frozenset({UNTAINTED, EFFECTLESS}),
]
#: Every form of one grant, from the strongest on.
FORMS = [f"a{inner}{mark}" for mark in ("", "?") for inner in (
    "", "{untainted}", "{effectless}", "{effectless,untainted}"
)]  # fmt: skip


@given(CAPABILITIES)
def test_text_of_a_capability_reads_back(capability: Capability) -> None:
    assert Capability.parse(str(capability)) == capability


@given(CAPABILITIES, CAPABILITIES)
def test_covering_capability_judges_every_call_at_least_as_well_as_the_covered_one(
    mine: Capability, theirs: Capability
) -> None:
    if not mine.covers(theirs):
        return
    for name, subject, path, holds in product(NAMES, VALUES, VALUES, HELD):
        arguments = {} if path is None else {"path": path}
        judged = theirs.judge(name, subject, arguments, holds)
        assert mine.judge(name, subject, arguments, holds) >= judged


@given(st.lists(CAPABILITIES, max_size=3), st.lists(CAPABILITIES, max_size=3))
def test_child_is_never_judged_better_than_its_parent(
    mine: list[Capability], theirs: list[Capability]
) -> None:
    parent = CapabilitySet(mine)
    try:
        child = parent.attenuate(CapabilitySet(theirs))
    except PermissionDenied:
        return
    for name, subject, holds in product(NAMES, VALUES, HELD):
        judged = child.judge(name, subject, {}, holds)[0]
        assert parent.judge(name, subject, {}, holds)[0] >= judged
        assert parent.free(name) or not child.free(name)


@pytest.mark.parametrize(("mine", "theirs"), list(product(FORMS, FORMS)))
def test_form_covers_exactly_those_that_are_never_judged_better(mine: str, theirs: str) -> None:
    strong, weak = Capability.parse(mine), Capability.parse(theirs)
    never_better = all(
        weak.judge("a", None, {}, holds) <= strong.judge("a", None, {}, holds) for holds in HELD
    )
    assert strong.covers(weak) is never_better


@given(CAPABILITIES)
def test_capability_covers_itself(capability: Capability) -> None:
    assert capability.covers(capability)


@pytest.mark.parametrize(
    "text",
    ["", "Memory", "tool.call:", "a{b}", "a{=c}", "a{b=c", "a b", "?", "a??", "a?{b=c}", "a:?"],
)
def test_text_that_is_no_capability_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument):
        Capability.parse(text)


@pytest.mark.parametrize(
    ("text", "untainted", "tainted"),
    [
        ("a", Verdict.ALLOWED, Verdict.ALLOWED),
        ("a?", Verdict.ASKED, Verdict.ASKED),
        ("a{untainted}", Verdict.ALLOWED, Verdict.REFUSED),
        ("a{untainted}?", Verdict.ALLOWED, Verdict.ASKED),
        ("b?", Verdict.REFUSED, Verdict.REFUSED),
    ],
)
def test_taint_decides_where_a_grant_demands_an_untainted_caller(
    text: str, untainted: Verdict, tainted: Verdict
) -> None:
    held = CapabilitySet.parse([text])
    assert held.judge("a", None, {}, frozenset({UNTAINTED}))[0] is untainted
    assert held.judge("a", None, {}, frozenset({EFFECTLESS}))[0] is tainted


def test_best_of_several_grants_counts_and_is_named() -> None:
    held = CapabilitySet.parse(["tool.call?", "tool.call:calculator", "tool.call{effectless}"])
    none: frozenset[str] = frozenset()
    assert held.judge("tool.call", "shell", {}, none) == (
        Verdict.ASKED, Capability.parse("tool.call?")
    )  # fmt: skip
    assert held.judge("tool.call", "calculator", {}, none)[0] is Verdict.ALLOWED
    assert held.judge("tool.call", "shell", {}, frozenset({EFFECTLESS}))[0] is Verdict.ALLOWED
    assert held.judge("memory.put", None, {}, none) == (Verdict.REFUSED, None)
    refused = CapabilitySet.parse(["a{untainted}"]).judge("a", None, {}, none)
    assert refused == (Verdict.REFUSED, Capability.parse("a{untainted}"))


def test_grant_that_may_ask_is_never_free() -> None:
    held = CapabilitySet.parse(["memory.*?", "tool.*{untainted}"])
    assert not held.free("memory.put") and not held.free("tool.call")
    assert not held.allows("memory.put") and held.allows("tool.call")


@pytest.mark.parametrize(
    ("arguments", "allowed"),
    [
        ({"arguments": {"url": "https://www.example.org/x"}}, True),
        ({"arguments": {"url": "https://example.org.evil.test/"}}, False),
        ({"arguments": {"url": "https://www.example.org@evil.test/"}}, False),
        ({"arguments": {"url": "http://["}}, False),
        ({"arguments": {"host": "www.example.org"}}, True),
        ({"arguments": {"host": "www.example.org", "url": "https://evil.test/"}}, False),
        ({"host": "www.example.org", "arguments": {"url": "https://evil.test/"}}, False),
        ({"arguments": {}}, False),
        ({"arguments": None}, False),
    ],
)
def test_host_constraint_looks_at_the_address_that_is_called(
    arguments: dict[str, Any], allowed: bool
) -> None:
    held = CapabilitySet.parse(["tool.call:http_fetch{host=*.example.org}"])
    assert held.allows("tool.call", "http_fetch", arguments) is allowed


def test_unconditional_grant_needs_no_look_at_the_arguments() -> None:
    held = CapabilitySet.parse(["memory.*", "tool.call:calculator"])
    assert held.free("memory.put")
    assert not held.free("tool.call")
    assert held.allows("tool.call", "calculator")
    assert not held.allows("tool.call", "shell")


def test_child_cannot_be_given_what_the_parent_does_not_hold() -> None:
    held = CapabilitySet.parse(["memory.*:own", "tool.call:calculator"])
    assert list(held.attenuate(CapabilitySet.parse(["memory.get:own"])))
    with pytest.raises(PermissionDenied, match=r"memory\.get"):
        held.attenuate(CapabilitySet.parse(["memory.get"]))
