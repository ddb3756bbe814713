"""An owner hears of refused calls, and a process that is refused all the time drowns nothing."""

from __future__ import annotations

from llmagentos.kernel.events import EventLog
from llmagentos.kernel.process import ControlBlock, ProcessTable
from llmagentos.kernel.rights.denials import EVERY, KNOWN, MOST, Denials


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def process(table: ProcessTable) -> ControlBlock:
    return table.create(principal="ada", program="clerk")


def test_first_refusal_is_told_and_how_many_there_were_until_the_next() -> None:
    events, clock = EventLog(), Clock()
    denials, one = Denials(events, clock), process(ProcessTable())
    for _ in range(1000):
        denials.note(one, "memory.put", "process 1 holds no capability for memory.put")
    clock.now += EVERY
    denials.note(one, "tool.call", "process 1 has a limit")
    first, second = events.last(10)
    assert first.kind == "call.denied" and first.pid == one.pid
    assert first.details == {"syscall": "memory.put", "principal": "ada", "untold": 0}
    assert second.text == "process 1 has a limit (999 others before it)"
    assert second.details["untold"] == 999


def test_many_processes_together_are_told_of_no_faster() -> None:
    events, clock, table = EventLog(), Clock(), ProcessTable()
    denials = Denials(events, clock)
    for _ in range(KNOWN + MOST):
        denials.note(process(table), "memory.put", "no")
    assert len(events.last(10_000)) == MOST and len(denials._told) == KNOWN
    clock.now += EVERY
    denials.note(process(table), "memory.put", "no")
    assert len(events.last(10_000)) == MOST + 1


def test_words_of_a_process_do_not_steer_a_terminal() -> None:
    events = EventLog()
    Denials(events, Clock()).note(process(ProcessTable()), "x", "no \x1b[2J\nfaked")
    assert "\x1b" not in events.last(1)[0].text and "\n" not in events.last(1)[0].text
