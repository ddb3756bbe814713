"""A driver's secret is seen by the driver alone, even where it is said aloud."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from llmagentos.syscalls.errors import LLMAgentOSError
from llmagentos.syscalls.os import OS

from ..integration.conftest import Daemon, write

SECRET = "sk-nobody-may-ever-see-this"
#: A server of tools that tells its key to everybody.
LOUD = """
import os, sys
from mcp.server.mcpserver import MCPServer
server = MCPServer("loud")
key = os.environ["KEY"]
print("my key is", key, file=sys.stderr, flush=True)

@server.tool()
def tell() -> str:
    return f"my key is {key}, I said {key}"

@server.tool()
def fail() -> str:
    raise ValueError(f"the key {key} is wrong")

server.run()
"""


def test_secret_is_in_no_answer_error_log_journal_history_event_or_setting(
    tmp_path: Path,
) -> None:
    server = write(tmp_path, "loud.py", LOUD)
    settings = {
        "loud": {
            "command": [sys.executable, server],
            "env": {"KEY": "${secret:KEY}"},
            "trusted": True,
        }
    }
    daemon = Daemon(tmp_path / "s", LLMAGENTOS_DRIVERS__TOOLS__SETTINGS__MCP=json.dumps(settings))
    agent = write(
        tmp_path,
        "agent.py",
        "async def main(os):\n"
        "    for name in ('loud_tell', 'loud_fail'):\n"
        "        print((await os.tool.call(name)).text)\n",
    )

    async def work(os: OS) -> tuple[list[str], str]:
        assert await os.rights.secret_set("KEY", SECRET) == ["tools"]
        (info,) = await os.rights.secret_ls()
        assert info.name == "KEY"
        async for event in os.system.events(tail=1000):
            if event.kind == "service.ready" and event.text.startswith("tools"):
                break
        pid = await os.process.spawn(agent)
        await os.process.wait(pid)
        lines = [line.text async for line in os.process.logs(pid)]
        seen = [
            await os.process.history(pid), await os.process.inspect(pid), await os.tool.servers(),
            [event async for event in os.system.events(follow=False, tail=1000)],
            [one async for one in os.rights.audit()], await os.process.ls(all=True),
        ]  # fmt: skip
        return lines, repr(seen)

    try:
        lines, seen = daemon.run(work)
        with pytest.raises(LLMAgentOSError):
            daemon.run(lambda os: os.rights.secret_rm("OTHER"))
    finally:
        daemon.close()
    assert lines[0] == "my key is ***, I said ***" and "fail" in lines[1]
    assert SECRET not in seen and SECRET not in "".join(lines)
    kept = [one for one in daemon.state.rglob("*") if one.is_file() and one.name != "secrets.json"]
    assert not [one for one in kept if SECRET.encode() in one.read_bytes()]
    assert "my key is ***" in (daemon.state / "driver/tools/log").read_text()
    assert (daemon.state / "secrets.json").stat().st_mode & 0o777 == 0o600


def test_driver_whose_secret_is_not_set_says_what_to_do(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path / "s", LLMAGENTOS_DRIVERS__MEMORY__SETTINGS__KEY='"secret:ABSENT"')

    async def work(os: OS) -> str:
        async for event in os.system.events(tail=1000):
            if event.kind == "service.restarted" and event.text.startswith("memory"):
                break
        (memory,) = [one for one in (await os.system.status()).services if one.name == "memory"]
        return memory.reason or ""

    try:
        assert "aos secret set ABSENT" in daemon.run(work)
    finally:
        daemon.close()
