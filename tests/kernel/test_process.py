"""Processes have parents, ends and nothing more than they were given."""

from __future__ import annotations

import pytest

from llmagentos.kernel.capability import CapabilitySet
from llmagentos.kernel.process import ControlBlock, ProcessTable, State
from llmagentos.syscalls.errors import InvalidArgument, NotFound, PermissionDenied


def parent_in(table: ProcessTable) -> ControlBlock:
    held = CapabilitySet.parse(["memory.*"])
    return table.create(principal="ada", program="parent", capabilities=held)


def test_child_inherits_its_parents_capabilities() -> None:
    table = ProcessTable()
    parent = parent_in(table)
    child = table.create(principal="ada", program="child", parent=parent)
    assert child.capabilities.free("memory.get")
    assert table.children(parent.pid) == [child]


def test_refused_child_leaves_no_trace() -> None:
    table = ProcessTable()
    parent, more = parent_in(table), CapabilitySet.parse(["*"])
    with pytest.raises(PermissionDenied):
        table.create(principal="ada", program="child", parent=parent, capabilities=more)
    assert len(table) == 1


def test_first_end_of_a_process_is_the_one_that_counts() -> None:
    table = ProcessTable()
    process = parent_in(table)
    table.exit(process, 3, "exited")
    table.exit(process, 137, "killed")
    assert (process.state, process.exit_code, process.exit_reason) == (State.ZOMBIE, 3, "exited")


def test_orphan_goes_to_the_kernel() -> None:
    table = ProcessTable()
    parent = parent_in(table)
    child = table.create(principal="ada", program="child", parent=parent)
    table.exit(parent, 0, "exited")
    assert child.parent is None
    with pytest.raises(InvalidArgument, match="ended"):
        table.create(principal="ada", program="late", parent=parent)


def test_living_process_is_not_reaped_and_a_reaped_one_is_gone() -> None:
    table = ProcessTable()
    process = parent_in(table)
    with pytest.raises(InvalidArgument, match="still runs"):
        table.reap(process.pid)
    table.exit(process, 0, "exited")
    assert table.reap(process.pid) is process
    with pytest.raises(NotFound):
        table[process.pid]
