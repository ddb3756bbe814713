"""Servers that a person connects are kept; what cannot be kept leaves nothing behind."""

from __future__ import annotations

import asyncio
import json
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from llmagentos.drivers.tools.mcp import peer as peer_module
from llmagentos.syscalls.errors import (
    AlreadyExists,
    DeviceError,
    InvalidArgument,
    NotFound,
    PermissionDenied,
)
from llmagentos.syscalls.server import Caller, serving

HOSTILE = str(Path(__file__).with_name("hostile.py"))


def test_a_connected_server_is_there_again_until_it_is_let_go(play: Any, tmp_path: Path) -> None:
    command = [sys.executable, HOSTILE, str(tmp_path)]
    file = tmp_path / "servers.json"

    async def connect(house: Any) -> None:
        options = {"env": {"KEY": "secret"}, "allow": ["echo"], "rate": 5}
        server = await house.driver.connect("h", command, options=options)
        assert (server.state, server.tools) == ("ready", 1)
        with pytest.raises(AlreadyExists):
            await house.driver.connect("h", command)
        assert stat.S_IMODE(file.stat().st_mode) == 0o600

    async def use(house: Any) -> None:
        assert (await house.driver.call("h_echo", {"text": "hi"})).text == "hi"
        await house.driver.disconnect("h")
        with pytest.raises(NotFound, match="no tool 'h_echo'"):
            await house.driver.call("h_echo", {"text": "hi"})
        with pytest.raises(NotFound):
            await house.driver.disconnect("h")
        assert json.loads(file.read_text()) == {}

    play(connect)
    play(use)


def test_a_configured_server_is_the_configurations(play: Any, tmp_path: Path) -> None:
    command = [sys.executable, HOSTILE, str(tmp_path)]

    async def scene(house: Any) -> None:
        with pytest.raises(InvalidArgument, match="is configured"):
            await house.driver.disconnect("h")

    play(scene, mcp={"h": {"command": command}})
    for name in ("a_b", "memory", "calculator"):
        with pytest.raises(InvalidArgument, match=name):
            play(scene, mcp={name: {"command": command}})
    with pytest.raises(InvalidArgument, match=r"settings\.mcp\.h: .*either a command or a url"):
        play(scene, mcp={"h": {}})


@pytest.mark.parametrize(
    "held", ["{", "[]", '{"h": 5}', '{"h": {}}', '{"a_b": {"url": "http://h"}}']
)
def test_a_file_that_cannot_be_read_is_put_aside(play: Any, tmp_path: Path, held: str) -> None:
    (tmp_path / "servers.json").write_text(held)

    async def scene(house: Any) -> None:
        assert await house.driver.servers() == []

    play(scene)
    assert (tmp_path / "servers.unreadable").read_text() == held


def test_a_server_that_never_speaks_is_given_up_and_leaves_nothing(
    play: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene(house: Any) -> None:
        with pytest.raises(DeviceError, match="did not come up in time"):
            await house.driver.connect("mute", ["sleep", "1000"])
        # Nor does a caller who does not wait for it leave it behind.
        monkeypatch.setattr(peer_module, "CONNECT", 55.0)
        joining = asyncio.create_task(house.driver.connect("mute", ["sleep", "1000"]))
        while not await house.driver.servers():
            await house.driver.call("file_list")
        joining.cancel()
        with pytest.raises(asyncio.CancelledError):
            await joining
        assert await house.driver.servers() == []
        assert not (tmp_path / "servers.json").exists()

    monkeypatch.setattr(peer_module, "CONNECT", 0.5)
    play(scene)


def test_an_idle_driver_loads_no_library_of_the_protocol() -> None:
    program = (
        "import sys, llmagentos.drivers.tools.driver;"
        "print(sorted({'mcp', 'anyio', 'httpx2', 'jsonschema', 'torch', 'aiohttp', 'apsw'}"
        " & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr


def test_who_holds_all_tools_may_not_connect_servers(play: Any) -> None:
    async def scene(house: Any) -> None:
        with serving(Caller(pid=2, principal="bob", call=9)):
            for act in (house.driver.connect("h", ["true"]), house.driver.disconnect("h")):
                with pytest.raises(PermissionDenied, match="a person's right"):
                    await act
            house.system.capabilities[2] = ["tool.disconnect:h"]
            with pytest.raises(NotFound):
                await house.driver.disconnect("h")

    play(scene)


def test_a_servers_word_on_effects_counts_where_it_is_trusted(play: Any, tmp_path: Path) -> None:
    command = [sys.executable, HOSTILE, str(tmp_path)]

    async def scene(house: Any) -> None:
        assert house.system.effects["calculator"] is False and house.system.effects["file_write"]
        for trusted in (False, True):
            await house.driver.connect("h", command, options={"trusted": trusted})
            infos = {one.name: one.effect for one in await house.driver.ls()}
            assert not infos["h_echo"] and infos["h_refuse"]
            assert house.system.effects["h_echo"] is not trusted
            assert house.system.effects["h_refuse"]
            await house.driver.disconnect("h")
            await house.driver.call("file_list")
            assert "h_echo" not in house.system.effects

    play(scene)
