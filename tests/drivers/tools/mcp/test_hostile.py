"""A server that does all that a server should not harms nobody but its own callers."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from llmagentos.drivers.tools import outcome
from llmagentos.drivers.tools.mcp import peer as peer_module
from llmagentos.drivers.tools.mcp import stdio
from llmagentos.syscalls.errors import DeadlineExceeded, DeviceError, InvalidArgument, NotFound
from llmagentos.syscalls.server import caller

HOSTILE = str(Path(__file__).with_name("hostile.py"))


@pytest.fixture
def hostile(play: Any, tmp_path: Path) -> Callable[..., None]:
    """Run a scene with the hostile server."""

    def run(scene: Callable[[Any], Awaitable[None]], **settings: Any) -> None:
        command = [sys.executable, HOSTILE, str(tmp_path)]
        play(scene, mcp={"h": {"command": command, **settings}})

    return run


async def until(house: Any, true: Callable[[], Any]) -> None:
    """Wait for what another process does, while the house works on; the fixture has a bound."""
    while not true():
        assert (await house.driver.call("file_list")).text == "empty"


def test_its_tools_are_offered_in_names_and_words_that_are_fit(
    hostile: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    async def scene(house: Any) -> None:
        infos = {one.name: one for one in await house.driver.ls() if one.source == "mcp:h"}
        assert all(len(name) <= 64 and name.startswith("h_") for name in infos)
        assert infos["h_echo"].description == "Say[31m it again."
        assert not infos["h_echo"].effect and infos["h_refuse"].effect and infos["h_slow"].effect
        assert all(one.untrusted for one in infos.values())
        # What a name that is changed would be is another's.
        assert infos["h_a_b"].name in infos and len([n for n in infos if n[:5] == "h_a_b"]) == 2
        (long,) = (one for one in infos.values() if "lll" in one.name)
        assert len(long.description) == 2000 and long.description.endswith("…")
        assert infos["h_honest"].result["required"] == ["n"]
        for name in ("doubling", "deep", "wide", "wrong"):
            assert f"h_{name}" not in infos
        (server,) = await house.driver.servers()
        assert (server.name, server.state, server.tools) == ("h", "ready", len(infos))
        said = capfd.readouterr().err
        assert all(f"left out: {name}: " in said for name in ("doubling", "deep", "wide", "wrong"))

    hostile(scene)


def test_arguments_are_checked_before_they_are_sent(hostile: Any) -> None:
    async def scene(house: Any) -> None:
        call = house.driver.call
        assert (await call("h_echo", {"text": "hi"})).text == "hi"
        for wrong in ({}, {"text": 5}):
            with pytest.raises(InvalidArgument, match=r"h_echo: .*text"):
                await call("h_echo", wrong)
        # Checked by that pattern, this would take for ever.
        assert (await call("h_backtrack", {"text": "a" * 40 + "!"})).text == "a" * 40 + "!"
        with pytest.raises(NotFound, match="h_echo"):
            await call("h_ecko", {})

    hostile(scene)


def test_a_result_that_is_not_as_declared_has_failed(hostile: Any) -> None:
    async def scene(house: Any) -> None:
        honest = await house.driver.call("h_honest")
        assert (honest.text, honest.data, honest.sources) == ('{"n": 5}', {"n": 5}, ["mcp:h"])
        for name, why in (("h_liar", "n: 'a text' is not"), ("h_silent", "nothing structured")):
            result = await house.driver.call(name)
            assert result.failed and result.data is None
            assert result.text.startswith("error: the server's result is not what it declares: ")
            assert why in result.text
        refused = await house.driver.call("h_refuse")
        assert refused.failed and refused.text == "error: no[2J"
        with pytest.raises(DeviceError, match="no result"):
            await house.driver.call("h_nonsense")
        pictures = await house.driver.call("h_pictures")
        assert pictures.text == "[image: image/png, 6 bytes]\ninside\n[resource: file:///y]"

    hostile(scene)


def test_what_it_says_taints_its_caller_unless_it_is_trusted(hostile: Any) -> None:
    async def untrusted(house: Any) -> None:
        await house.driver.call("calculator", {"expression": "1+1"})
        assert not caller().tainted
        await house.driver.call("h_refuse")
        assert caller().tainted and caller().sources == ["h_refuse"]

    async def broken(house: Any) -> None:
        with pytest.raises(DeviceError):
            await house.driver.call("h_nonsense")
        assert caller().tainted and caller().sources == ["h_nonsense"]

    async def trusted(house: Any) -> None:
        await house.driver.call("h_echo", {"text": "x"})
        assert not caller().tainted

    hostile(untrusted)
    hostile(broken)
    hostile(trusted, trusted=True)


def test_a_slow_call_ends_in_the_deadline_and_is_taken_back_at_the_server(
    hostile: Any, tmp_path: Path
) -> None:
    async def scene(house: Any) -> None:
        assert (await house.driver.call("h_echo", {"text": "up"})).text == "up"
        with pytest.raises(DeadlineExceeded, match=r"h_slow .* 1 s"):
            await house.driver.call("h_slow", timeout=1)
        await until(house, (tmp_path / "cancelled").exists)
        assert (await house.driver.call("h_echo", {"text": "still"})).text == "still"
        # The owner's bound holds whatever a caller asks for.
        slow = house.driver.call("h_slow", timeout=300)
        with pytest.raises(DeadlineExceeded, match=r"h_slow .* 3 s"):
            await slow

    hostile(scene, timeout=3)


def test_a_huge_result_is_cut_and_one_past_all_bounds_refused(
    hostile: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outcome, "TEXT", 100)
    monkeypatch.setattr(stdio, "MESSAGE", 100_000)

    async def scene(house: Any) -> None:
        cut = await house.driver.call("h_huge", {"size": 50_000})
        assert cut.text == "x" * 100 + "… (50000 characters)"
        past = await house.driver.call("h_huge", {"size": 3_000_000})
        assert past.failed and past.text == "error: the result has more than 100000 bytes"
        assert (await house.driver.call("h_echo", {"text": "still"})).text == "still"

    hostile(scene)


def test_a_server_that_dies_fails_its_calls_and_is_started_again(
    hostile: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peer_module, "FIRST", 0.05)

    async def scene(house: Any) -> None:
        await house.driver.ls()
        waiting = asyncio.create_task(house.driver.call("h_slow"))
        await until(house, (tmp_path / "slow").exists)
        with pytest.raises(DeviceError, match="the server h has gone"):
            await house.driver.call("h_die")
        with pytest.raises(DeviceError, match="the server h has gone"):
            await waiting
        (server,) = await house.driver.servers()
        assert server.state in ("failed: its program has ended with code 3", "ready")

        while True:
            try:
                again = await house.driver.call("h_echo", {"text": "again"})
                break
            except DeviceError:
                assert (await house.driver.call("file_list")).text == "empty"
        assert again.text == "again"
        assert len((tmp_path / "starts").read_text().splitlines()) == 2

    hostile(scene)
    said = capfd.readouterr().err
    assert "h: the last words" in said and "the server h: its program has ended with code 3" in said


def test_garbage_and_questions_of_its_own_change_nothing(hostile: Any, tmp_path: Path) -> None:
    async def scene(house: Any) -> None:
        assert (await house.driver.call("h_garbage")).text == "after all that"
        assert (await house.driver.call("h_ask")).text == "asked"
        await until(house, (tmp_path / "refused").exists)
        assert "not supported" in (tmp_path / "refused").read_text()

    hostile(scene)


def test_a_changed_list_is_followed_and_a_flood_of_changes_is_one(
    hostile: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peer_module, "PAUSE", 0.1)

    async def scene(house: Any) -> None:
        await house.driver.ls()
        assert (await house.driver.call("h_flood")).text == "flooded"
        assert (await house.driver.call("h_grow")).text == "grown"
        while not (found := await house.driver.search("fresh", limit=1)):
            assert (await house.driver.call("file_list")).text == "empty"
        assert found[0].name == "h_fresh"
        assert len((tmp_path / "lists").read_text().splitlines()) < 60

    hostile(scene)


def test_its_program_sees_no_environment_and_leaves_nobody_behind(
    hostile: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_SECRET", "value")
    os.mkfifo(tmp_path / "alive")
    alive = os.open(tmp_path / "alive", os.O_RDONLY | os.O_NONBLOCK)

    async def scene(house: Any) -> None:
        seen = json.loads((await house.driver.call("h_environment")).text)
        assert seen["GIVEN"] == "yes" and "A_SECRET" not in seen
        assert set(seen) <= {*stdio.SEEN, "GIVEN", "LC_CTYPE", "PWD", "SHLVL", "_"}
        assert (await house.driver.call("h_breed")).text == "bred"

    hostile(scene, env={"GIVEN": "yes"})
    # The pipe ends when the last process that holds it has ended.
    os.set_blocking(alive, True)
    assert os.read(alive, 1) == b""
    os.close(alive)


def test_the_owner_says_which_tools_and_how_often(hostile: Any) -> None:
    async def scene(house: Any) -> None:
        infos = [one for one in await house.driver.ls() if one.source == "mcp:h"]
        assert [(one.name, one.rate) for one in infos] == [("h_echo", 2.0)]

    hostile(scene, allow=["ec*"], rate=2)
