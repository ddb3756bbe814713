"""A child never holds more than its parent, whatever is asked for."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmagentos.kernel.capability import Capability, CapabilitySet
from llmagentos.syscalls.errors import InvalidArgument, PermissionDenied

WORD = st.text("ab.*", min_size=1, max_size=4)
CAPABILITIES = st.builds(
    Capability,
    syscall=WORD,
    subject=st.none() | st.text("ab*", min_size=1, max_size=3),
    constraints=st.lists(st.tuples(st.just("path"), st.text("ab*", max_size=3)), max_size=1).map(
        tuple
    ),
)
NAMES = ["a", "b", "ab", "a.b", "b.a", "aa", "a.a"]
VALUES = [None, "a", "b", "ab", "ba", "aab"]


@given(CAPABILITIES)
def test_text_of_a_capability_reads_back(capability: Capability) -> None:
    assert Capability.parse(str(capability)) == capability


@given(CAPABILITIES, CAPABILITIES)
def test_covering_capability_allows_every_call_that_the_covered_one_allows(
    mine: Capability, theirs: Capability
) -> None:
    if not mine.covers(theirs):
        return
    for name in NAMES:
        for subject in VALUES:
            for path in VALUES:
                arguments = {} if path is None else {"path": path}
                if theirs.allows(name, subject, arguments):
                    assert mine.allows(name, subject, arguments)


@given(CAPABILITIES)
def test_capability_covers_itself(capability: Capability) -> None:
    assert capability.covers(capability)


@pytest.mark.parametrize("text", ["", "Memory", "tool.call:", "a{b}", "a{=c}", "a{b=c", "a b"])
def test_text_that_is_no_capability_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument):
        Capability.parse(text)


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
