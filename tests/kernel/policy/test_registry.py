"""Policies are found by name, ours and anybody's."""

from __future__ import annotations

from importlib.metadata import EntryPoint, EntryPoints

import pytest

from llmagentos.kernel import plugins
from llmagentos.kernel.policy.fair import Fair
from llmagentos.kernel.policy.fifo import Fifo
from llmagentos.kernel.policy.priority import Priority
from llmagentos.kernel.policy.program import ProgramFair
from llmagentos.kernel.policy.registry import find
from llmagentos.syscalls.errors import InvalidArgument, NotFound

GROUP = "llmagentos.policies"


@pytest.mark.parametrize(
    ("name", "kind"),
    [("fifo", Fifo), ("priority", Priority), ("fair", Fair), ("program", ProgramFair)],
)
def test_built_in_policy_is_found_by_its_name(name: str, kind: type) -> None:
    assert isinstance(find(name)(), kind)


def test_unknown_policy_is_refused_naming_those_there_are() -> None:
    with pytest.raises(NotFound, match="'lottery'; known are fair, fifo, priority, program"):
        find("lottery")


@pytest.mark.parametrize("value", ["no.such.module:Policy", "llmagentos.kernel.policy.fifo:No"])
def test_policy_that_cannot_be_loaded_says_so(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    broken = EntryPoints([EntryPoint("broken", value, GROUP)])
    monkeypatch.setattr(plugins, "entry_points", lambda group: broken.select(group=group))
    with pytest.raises(InvalidArgument, match="broken cannot be loaded"):
        find("broken")
