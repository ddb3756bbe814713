"""What is required and not enforced is named; what is wanted is not."""

from __future__ import annotations

import pytest

from llmagentos.kernel.sandbox.layers import LAYERS, Report, Sandbox, missing

ALL = dict.fromkeys(LAYERS, "enforced")


@pytest.mark.parametrize("found", ["unavailable", "failed", "off", ""])
def test_required_layer_counts_only_when_it_is_enforced(found: str) -> None:
    sandbox = Sandbox(seccomp="required", rlimits="required")
    assert missing(sandbox.wire(), ALL) == []
    assert missing(sandbox.wire(), {**ALL, "seccomp": found}) == ["seccomp"]
    assert missing(sandbox.wire(), {}) == ["seccomp", "rlimits"]


def test_wanted_layer_may_be_missing() -> None:
    report: Report = dict.fromkeys(LAYERS, "unavailable")
    assert missing(Sandbox().wire(), report) == [] == missing(Sandbox.none().wire(), {})


@pytest.mark.parametrize(
    ("sandbox", "isolated"),
    [
        (Sandbox(), True),
        (Sandbox.none(), False),
        (Sandbox(netns="off"), True),
        (Sandbox(seccomp="off"), True),
        (Sandbox(netns="off", seccomp="off"), False),
    ],
)
def test_sandbox_that_shuts_out_the_network_is_isolated(sandbox: Sandbox, isolated: bool) -> None:
    assert sandbox.isolated is isolated


def test_sandbox_is_the_same_after_the_wire() -> None:
    sandbox = Sandbox(netns="required", memory=None, files=7, cpu=3)
    assert Sandbox.read(sandbox.wire()) == sandbox
    assert {layer: sandbox.want(layer) for layer in LAYERS}["netns"] == "required"
