"""A doctor is asked when something is wrong."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from llmagentos.syscalls.errors import InputOutputError
from llmagentos.syscalls.model import ModelInfo
from llmagentos.syscalls.rights import PolicyInfo
from llmagentos.syscalls.system import JournalInfo

from .conftest import Aos


def answers(value: Any) -> Any:
    async def answer(*_: Any, **__: Any) -> Any:
        if isinstance(value, Exception):
            raise value
        return value

    return answer


def test_what_was_found_is_told_although_no_agent_can_be_started(
    aos: Aos, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = "/s/journal: No space left on device"
    memory = SimpleNamespace(
        name="memory", kind="driver", state="ready", restarts=2, reason="killed"
    )
    status = SimpleNamespace(os_pid=7, services=[memory], journal=full)
    held = JournalInfo(files=1, size=9, records=1, torn=0, damaged=0, first=None, doubtful=1)
    none = PolicyInfo(files=[], roles={}, principals={}, agents=[])
    system = SimpleNamespace(
        system=SimpleNamespace(status=answers(status), journal=answers(held), token_ls=answers([])),
        rights=SimpleNamespace(policy=answers(none)),
        process=SimpleNamespace(spawn=answers(InputOutputError("the journal cannot be written"))),
    )
    done = aos("doctor", system=system)
    assert done.code == 1 and done.err == ""
    assert f"fail    {full}" in done.out and "EIO: the journal cannot be written" in done.out
    assert "ready, started again 2 times: killed" in done.out
    assert "1 effect may or may not" in done.out


def test_doctor_says_why_a_model_does_not_answer(aos: Aos) -> None:
    driver = SimpleNamespace(
        name="inference", kind="driver", state="ready", restarts=0, reason=None
    )
    status = SimpleNamespace(os_pid=7, services=[driver], journal="healthy")
    held = JournalInfo(files=1, size=9, records=1, torn=0, damaged=0, first=None, doubtful=0)
    none = PolicyInfo(files=[], roles={}, principals={}, agents=[])
    broken = ModelInfo(
        target="hf:/m", name="m", active=False, device="local", state="failed: EINVAL: no weights"
    )
    system = SimpleNamespace(
        system=SimpleNamespace(status=answers(status), journal=answers(held), token_ls=answers([])),
        rights=SimpleNamespace(policy=answers(none)),
        model=SimpleNamespace(ls=answers([broken])),
        process=SimpleNamespace(
            spawn=answers(8), inspect=answers(SimpleNamespace(sandbox={"netns": "enforced"}))
        ),
    )
    rows = [line.split(maxsplit=2) for line in aos("doctor", system=system).out.splitlines()]
    assert ["model", "fail", "hf:/m failed: EINVAL: no weights"] in rows
    assert [row[:2] for row in rows if row[0] == "model"] == [["model", "fail"]]
