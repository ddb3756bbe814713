"""What an episode ended in, as its deeds say."""

from __future__ import annotations

from typing import Any

from llmagentos.services.learning.evaluate.suite import Case
from llmagentos.services.learning.evaluate.trials import outcome
from llmagentos.syscalls.learning import Deed, Episode

CASE = Case(id="a", task="do it")


def deed(syscall: str, subject: str | None = None, **fields: Any) -> Deed:
    given = {"state": {}, "action": {}, "result": None, "outcome": "ok", **fields}
    return Deed(seq=1, time=0.0, syscall=syscall, subject=subject, **given)


def episode(*deeds: Deed, exit_code: int | None = 0) -> Episode:
    return Episode(
        pid=9, name="pupil", program="pupil", task="do it", principal="ada", started=0.0,
        ended=1.0, exit_code=exit_code, usage={}, deeds=list(deeds), rewards=[],
    )  # fmt: skip


CALLS = deed("model.chat", action={"content": None, "tool_calls": [{"id": "1"}]})
SAYS = deed("model.chat", action={"content": "Done.", "tool_calls": []})
REMEMBERS = deed("memory.ls", "own", result=[{"key": "a", "value": "1"}])
LISTS = deed("tool.call", "file_list", result={"text": "x.txt"})
READS = deed("tool.call", "file_read", action={"path": "x.txt"}, result={"text": "tea"})


def test_the_end_is_what_was_laid_open_after_the_last_reply() -> None:
    early = deed("tool.call", "file_read", action={"path": "old"}, result={"text": "not it"})
    result = outcome(episode(CALLS, early, SAYS, REMEMBERS, LISTS, READS), CASE)
    assert result.answer == "Done."
    assert result.memory == {"a": "1"}
    assert result.files == {"x.txt": "tea"}
    assert [one["tool"] for one in result.calls] == ["file_read", "file_list", "file_read"]


def test_an_agent_that_was_killed_has_neither_answer_nor_state() -> None:
    result = outcome(episode(CALLS, exit_code=137), CASE)
    assert (result.answer, result.memory, result.files) == (None, None, None)
    assert outcome(episode(exit_code=137), CASE).exit_code == 137


def test_a_call_that_failed_is_no_answer() -> None:
    failed = deed("model.chat", outcome="EDEVICE", result="the device has gone")
    assert outcome(episode(failed, exit_code=1), CASE).answer is None
