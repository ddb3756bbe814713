"""What a server says of itself and its tools is a stranger's words for whoever is given some."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from llmagentos.syscalls.errors import InvalidArgument, NotFound
from llmagentos.syscalls.server import Caller, serving

HOSTILE = str(Path(__file__).with_name("hostile.py"))
OFFERED = "mcp:h, what it offers"


async def sources(act: Callable[[], Awaitable[Any]], *errors: type[Exception]) -> tuple[str, ...]:
    """Return what a call taints its caller with, whether it is answered or refused."""
    who = Caller(pid=1, principal="alice", call=7)
    with serving(who), suppress(*errors):
        await act()
    return tuple(who.sources)


@pytest.fixture
def beside(play: Any, tmp_path: Path) -> Callable[..., None]:
    """Run a scene with the hostile server beside the tools of the house."""

    def run(scene: Callable[[Any], Awaitable[None]], **settings: Any) -> None:
        command = [sys.executable, HOSTILE, str(tmp_path)]
        play(scene, mcp={"h": {"command": command, "sandbox": "off", **settings}})

    return run


def test_whoever_is_given_a_strangers_tools_is_tainted(beside: Any) -> None:
    async def scene(house: Any) -> None:
        driver = house.driver
        assert await sources(driver.ls) == (OFFERED,)
        assert await sources(lambda: driver.ls(["clock", "h_e*"])) == (OFFERED,)
        assert await sources(lambda: driver.search("say it again")) == (OFFERED,)
        query = {"query": "say it again"}
        assert await sources(lambda: driver.call("find_tools", query)) == (OFFERED,)
        assert await sources(lambda: driver.call("h_ecko"), NotFound) == (OFFERED,)
        assert await sources(lambda: driver.call("h_echo"), InvalidArgument) == ("h_echo",)

    beside(scene)


def test_whoever_names_tools_of_the_house_is_told_of_them_alone_and_stays_untainted(
    beside: Any,
) -> None:
    async def scene(house: Any) -> None:
        driver = house.driver
        only = ["calculator", "file_*", "nothing"]
        names = [one.name for one in await driver.ls(only)]
        assert names[0] == "calculator" and all(one.startswith("file_") for one in names[1:])
        assert await driver.ls([]) == []
        found = await driver.search("say a file again", 1, ["file_*"])
        assert len(found) == 1 and found[0].name.startswith("file_")
        for act in (
            lambda: driver.ls(only),
            lambda: driver.search("say it again", 8, only),
            lambda: driver.call("calculator", {"expression": "1+1"}),
            driver.servers,
        ):
            assert await sources(act) == ()
        assert await sources(lambda: driver.call("clack"), NotFound) == ()

    beside(scene)


def test_a_trusted_server_taints_nobody(beside: Any) -> None:
    async def scene(house: Any) -> None:
        assert any(one.source == "mcp:h" for one in await house.driver.ls())
        assert await sources(house.driver.ls) == ()

    beside(scene, trusted=True)


def test_what_a_server_failed_with_is_its_own_words(play: Any) -> None:
    async def scene(house: Any) -> None:
        await house.driver.ls()
        assert await sources(house.driver.servers) == ("mcp:h, how it failed",)

    play(scene, mcp={"h": {"command": ["false"], "sandbox": "off"}})


def test_tools_of_the_house_are_told_of_while_a_server_is_still_coming_up(play: Any) -> None:
    async def scene(house: Any) -> None:
        listed = asyncio.create_task(house.driver.ls())
        assert [one.name for one in await house.driver.ls(["clock"])] == ["clock"]
        assert not listed.done()
        listed.cancel()
        with pytest.raises(asyncio.CancelledError):
            await listed

    play(scene, mcp={"mute": {"command": ["sleep", "1000"], "sandbox": "off"}})
