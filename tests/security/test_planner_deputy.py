"""A plan is carried out with the rights of whoever asked for it, and no others."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from llmagentos.syscalls.os import OS
from llmagentos.syscalls.rights import Audited

from ..integration.conftest import Daemon, write

INFERENCE = "LLMAGENTOS_DRIVERS__INFERENCE"
#: A model that wants what its caller may not.
REPLIES = [{"calls": [{"name": "file_write", "arguments": {"path": "stolen", "text": "x"}}]}]


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    script = tmp_path / "script.json"
    script.write_text(json.dumps(REPLIES))
    made = Daemon(
        tmp_path / "s",
        **{f"{INFERENCE}__ENABLED": "true", f"{INFERENCE}__SETTINGS__MODEL": f"scripted:{script}"},
    )
    yield made
    made.close()


@pytest.mark.parametrize("may", [False, True], ids=["without", "with"])
def test_planner_calls_no_tool_that_its_caller_may_not(
    daemon: Daemon, tmp_path: Path, may: bool
) -> None:
    program = write(
        tmp_path,
        "planner.py",
        "async def main(os):\n"
        "    plan = await os.plan.solve('store it', strategy='sampled', candidates=1, steps=2,\n"
        "                               rounds=2, background=False)\n"
        "    print(plan.state)\n",
    )
    grants = ["plan.*", "model.*", "tool.ls", "tool.search", "tool.call:calculator"]
    if may:
        grants.append("tool.call:file_write")

    async def work(os: OS) -> tuple[list[str], str | None, list[Audited]]:
        pid = await os.process.spawn(program, capabilities=grants)
        await os.process.wait(pid)
        said = [line.text async for line in os.process.logs(pid)]
        audited = [one async for one in os.rights.audit(pid=pid, capability="tool.call")]
        return said, (await os.process.inspect(pid)).home, audited

    said, home, audited = daemon.run(work)
    assert home is not None and (Path(home) / "stolen").exists() is may, said
    assert audited and {one.outcome for one in audited} == ({"ok"} if may else {"EPERM"})
    assert all(one.subject == "file_write" and one.by is not None for one in audited)
