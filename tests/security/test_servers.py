"""A server of tools in a box sees what its command names, and nothing else of the owner's."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from llmagentos.syscalls.os import OS

from ..integration.conftest import Daemon, write

#: A server that does whatever it is told to.
CURIOUS = """
import os, socket, sys
from pathlib import Path
from mcp.server.mcpserver import MCPServer
server = MCPServer("curious")

@server.tool()
def attempt(act: str, path: str) -> str:
    try:
        if act == "read": return Path(path).read_text()
        if act == "write": return str(Path(path).write_text("x"))
        if act == "home": return os.environ["HOME"] + " " + str(os.access(os.environ["HOME"], 2))
        if act == "kill": os.kill(int(path), 0); return "killed"
        if act == "unshare": os.unshare(0x10000000) if hasattr(os, "unshare") else 1 / 0
        if act == "connect":
            socket.create_connection(("127.0.0.1", int(path)), 2); return "connected"
    except Exception as error:
        return type(error).__name__
    return "done"

server.run()
"""


def test_boxed_server_sees_what_its_command_names_and_no_more(
    tmp_path: Path, bubblewrap: None
) -> None:
    ours, secret = tmp_path / "ours", tmp_path / "secret"
    ours.mkdir()
    (ours / "a").write_text("named")
    secret.mkdir()
    (secret / "key").write_text("a secret")
    program = tmp_path / "program"
    program.mkdir()
    server = write(program, "curious.py", CURIOUS)
    settings = {
        "curious": {
            "command": [sys.executable, server, str(ours)],
            "network": False,
        }
    }
    daemon = Daemon(tmp_path / "s", LLMAGENTOS_DRIVERS__TOOLS__SETTINGS__MCP=json.dumps(settings))

    async def work(os: OS) -> list[str]:
        said = []
        for act, path in (
            ("read", f"{ours}/a"), ("write", f"{ours}/b"), ("home", ""),
            ("read", f"{secret}/key"), ("write", f"{tmp_path}/x"), ("write", server),
            ("read", f"{daemon.state}/tokens.json"), ("read", "/root/.ssh/id"),
            ("read", "/etc/shadow"), ("kill", str(daemon.process.pid)), ("connect", "1"),
        ):  # fmt: skip
            result = await os.tool.call("curious_attempt", {"act": act, "path": path}, timeout=60)
            said.append(result.text)
        return said

    try:
        said = daemon.run(work)
    finally:
        daemon.close()
    assert said[:2] == ["named", "1"] and (ours / "b").read_text() == "x"
    assert said[2] == f"{daemon.state}/driver/tools/servers/curious True"
    # What it wrote elsewhere lies in memory of its own, which ends with it.
    assert said.pop(4) == "1" and not (tmp_path / "x").exists()
    assert all(one.endswith("Error") for one in said[3:]), said


def test_server_is_boxed_unless_its_settings_say_otherwise_or_there_is_no_box(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from llmagentos.drivers.tools.mcp import held
    from llmagentos.drivers.tools.mcp.settings import read

    assert read({"command": ["x"]}).boxed and not read({"command": ["x"], "sandbox": "off"}).boxed
    assert not read({"url": "http://127.0.0.1/"}).boxed
    held.boxes.cache_clear()
    monkeypatch.setattr(held.shutil, "which", lambda name: "/bin/false")
    assert not held.boxes()
    held.boxes.cache_clear()


def test_script_of_a_package_is_seen_with_its_packages(tmp_path: Path) -> None:
    from llmagentos.drivers.tools.mcp.held import _around

    script = tmp_path / "server/node_modules/a/dist/index.js"
    script.parent.mkdir(parents=True)
    script.touch()
    assert _around(script) == tmp_path / "server"
    assert _around(tmp_path / "alone.py") == tmp_path


@pytest.mark.parametrize(
    ("extra", "words"),
    [({"sandbox": "perhaps"}, "sandbox"), ({"read": ["here"]}, "absolute")],
)
def test_wrong_setting_of_a_box_is_named(extra: dict[str, object], words: str) -> None:
    from llmagentos.drivers.tools.mcp.settings import read
    from llmagentos.syscalls.errors import InvalidArgument

    with pytest.raises(InvalidArgument, match=words):
        read({"command": ["x"], **extra})
