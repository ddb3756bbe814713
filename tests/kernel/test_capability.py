"""A child never holds more than its parent, whatever is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmagentos.kernel import capability
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
    limit=st.sampled_from([False, False, True]),
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


@pytest.fixture(scope="module", autouse=True)
def by_name() -> Iterator[None]:
    """Let the properties hold with a call that no pattern grants."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(capability, "BY_NAME", frozenset({"b.a"}))
        yield


@given(CAPABILITIES)
def test_text_of_a_capability_reads_back(capability: Capability) -> None:
    assert Capability.parse(str(capability)) == capability


@given(CAPABILITIES, CAPABILITIES)
def test_covering_capability_judges_every_call_at_least_as_well_as_the_covered_one(
    mine: Capability, theirs: Capability
) -> None:
    if not mine.covers(theirs):
        return
    assert not (mine.limit or theirs.limit)
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
    for name, subject, path, holds in product(NAMES, VALUES, [None, "a", "b/../a"], HELD):
        arguments = {} if path is None else {"path": path}
        judged = child.judge(name, subject, arguments, holds)[0]
        assert parent.judge(name, subject, arguments, holds)[0] >= judged
        assert parent.free(name) or not child.free(name)


@given(st.lists(CAPABILITIES, max_size=3), CAPABILITIES)
def test_revoked_right_is_gone_and_nothing_else_is_judged_better(
    mine: list[Capability], gone: Capability
) -> None:
    before = CapabilitySet(mine)
    after = before.revoked(gone)
    # What no pattern grants is taken by one all the same.
    named = replace(gone, limit=True, asks=False, conditions=frozenset())
    for name, subject, path, holds in product(NAMES, VALUES, [None, "a", "b"], HELD):
        arguments = {} if path is None else {"path": path}
        judged = after.judge(name, subject, arguments, holds)[0]
        assert judged <= before.judge(name, subject, arguments, holds)[0]
        if named.concerns(name, subject, arguments):
            assert judged is Verdict.REFUSED
        elif not any(one.limit for one in mine):
            assert judged is before.judge(name, subject, arguments, holds)[0]


@given(st.lists(CAPABILITIES, max_size=4))
def test_texts_of_a_set_read_back_as_the_same_set(mine: list[Capability]) -> None:
    held = CapabilitySet(mine)
    again = CapabilitySet.parse(map(str, held))
    for name, subject, holds in product(NAMES, VALUES, HELD):
        assert held.judge(name, subject, {}, holds) == again.judge(name, subject, {}, holds)


@pytest.mark.parametrize(
    ("texts", "holds", "verdict"),
    [
        (["*", "!a"], {UNTAINTED}, Verdict.REFUSED),
        (["*", "!a:x"], {UNTAINTED}, Verdict.REFUSED),
        (["*", "!a:y"], set(), Verdict.ALLOWED),
        (["*", "!a{untainted}"], {UNTAINTED}, Verdict.ALLOWED),
        (["*", "!a{untainted}"], {EFFECTLESS}, Verdict.REFUSED),
        (["*", "!a{untainted}?"], set(), Verdict.ASKED),
        (["*", "!a?"], {UNTAINTED, EFFECTLESS}, Verdict.ASKED),
        (["a?", "!a{untainted}"], {UNTAINTED}, Verdict.ASKED),
        (["!a"], set(), Verdict.REFUSED),
        (["!a?"], set(), Verdict.REFUSED),
    ],
)
def test_limit_takes_from_what_grants_give_and_gives_nothing(
    texts: list[str], holds: set[str], verdict: Verdict
) -> None:
    held = CapabilitySet.parse(texts)
    assert held.judge("a", "x", {}, frozenset(holds))[0] is verdict
    assert held.free("a") is None


def test_part_of_a_grant_can_be_dropped_and_what_is_not_held_cannot() -> None:
    held = CapabilitySet.parse(["memory.*", "tool.call"])
    less = held.without(["memory.put", "tool.call:shell"])
    assert less.allows("memory.get") and not less.allows("memory.put")
    assert less.allows("tool.call", "calculator") and not less.allows("tool.call", "shell")
    assert [str(one) for one in held.without(["memory.*"])] == ["tool.call"]
    with pytest.raises(InvalidArgument, match=r"system\.status"):
        held.without(["system.status"])


@pytest.mark.parametrize(
    "url",
    [
        "http://evil.test\\@www.example.org/", "http://www.example.org\\@evil.test/",
        "http://www.example.org@evil.test/", "http://evil.test#@www.example.org/",
        "http://www.%65xample.org/", "http://\uff57ww.example.org/", " http://www.example.org/",
        "http://www.example.org\n/", "http:///www.example.org/", "http:www.example.org",
        "http://www.example.org:80:80/", "http://[::1", "//www.example.org/", "",
    ],
)  # fmt: skip
def test_address_that_readers_may_disagree_on_is_for_limits_and_not_for_grants(url: str) -> None:
    arguments = {"arguments": {"url": url}}
    granted = CapabilitySet.parse(["tool.call:http_fetch{host=*.example.org}"])
    assert not granted.allows("tool.call", "http_fetch", arguments)
    limited = CapabilitySet.parse(["*", "!tool.call:http_fetch{host=evil.*}"])
    if "evil.test#" not in url:
        assert not limited.allows("tool.call", "http_fetch", arguments)


@pytest.mark.parametrize(
    ("limit", "url"),
    [
        ("Site.Internal", "http://site.internal/"), ("site.INTERNAL", "http://SITE.internal./"),
        ("10.0.0.1", "http://0x0a000001/"), ("10.0.0.1", "http://167772161/"),
        ("10.0.0.1", "http://10.1/"), ("10.0.0.1", "http://012.0.0.01/"),
        ("10.0.0.*", "http://[::ffff:10.0.0.1]/"), ("::1", "http://[0:0:0:0:0:0:0:1]/"),
    ],
)  # fmt: skip
def test_limit_on_a_host_holds_in_every_way_of_writing_it(limit: str, url: str) -> None:
    held = CapabilitySet.parse(["*", f"!tool.call:http_fetch{{host={limit}}}"])
    for address, allowed in ((url, False), ("http://10.example.org/", True)):
        arguments = {"arguments": {"url": address}}
        assert held.allows("tool.call", "http_fetch", arguments) is allowed


def test_limit_on_a_path_is_not_got_around_by_a_second_slash_before_it() -> None:
    held = CapabilitySet.parse(["*", "!tool.call:read_file{path=/private/*}"])
    for path, allowed in (("//private/a", False), ("/private//a", False), ("//public/a", True)):
        arguments = {"arguments": {"path": path}}
        assert held.allows("tool.call", "read_file", arguments) is allowed


def test_limit_on_a_path_also_takes_one_that_climbs() -> None:
    held = CapabilitySet.parse(["*", "!tool.call:read_file{path=private/*}"])
    for path, allowed in (
        ("private/a", False),
        ("x/../private/a", False),
        ("./private//a", False),
        ("public/a", True),
    ):
        arguments = {"arguments": {"path": path}}
        assert held.allows("tool.call", "read_file", arguments) is allowed


@pytest.mark.parametrize(("mine", "theirs"), list(product(FORMS, FORMS)))
def test_form_covers_exactly_those_that_are_never_judged_better(mine: str, theirs: str) -> None:
    strong, weak = Capability.parse(mine), Capability.parse(theirs)
    never_better = all(
        weak.judge("a", None, {}, holds) <= strong.judge("a", None, {}, holds) for holds in HELD
    )
    assert strong.covers(weak) is never_better


@given(CAPABILITIES)
def test_grant_covers_itself(capability: Capability) -> None:
    assert capability.covers(capability) is not capability.limit


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


@pytest.mark.parametrize(
    ("pattern", "granted"),
    [("b.a", True), ("*", True), ("b.*", False), ("b*a", False), ("**", False), ("*.*", False)],
)
def test_call_that_is_given_by_its_name_is_given_by_no_pattern(pattern: str, granted: bool) -> None:
    held = CapabilitySet.parse([pattern])
    assert held.allows("b.a") is granted and (held.free("b.a") is not None) is granted
    named = Capability.parse("b.a")
    assert Capability.parse(pattern).covers(named) is granted
    assert not CapabilitySet.parse(["*", f"!{pattern}"]).allows("b.a")
    assert not CapabilitySet.parse(["*"]).revoked(Capability.parse(pattern)).allows("b.a")
    assert not CapabilitySet.parse(["b.a"]).revoked(Capability.parse(pattern)).allows("b.a")
    assert Capability.parse(pattern).covers(Capability.parse("*")) is (pattern == "*")


@pytest.mark.parametrize(
    "text", ["***", "**", "!**", "memory.**", "memory", "a..b", ".get", "memory.", "...", "."]
)
def test_nobody_asks_for_what_no_call_could_be(text: str) -> None:
    with pytest.raises(InvalidArgument, match="interface"):
        CapabilitySet.asked([text])


@pytest.mark.parametrize(
    "text", ["*", "memory.*", "!memory.put", "*.get", "mem*", "a.b.c", "m*.g*"]
)
def test_patterns_that_calls_could_be_of_are_asked_for(text: str) -> None:
    assert [str(one) for one in CapabilitySet.asked([text])] == [text]
