"""A daemon that is started by several at once, and one that is ended before it is up."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from .conftest import House, install

#: A plugin that never comes up, and says by a pipe when it tries to.
NEVER = """
import asyncio, os
from llmagentos.syscalls.interface import Interface, syscall

class Never(Interface, name="never"):
    async def setup(self, host):
        open(os.environ["SAID"], "w").close()
        await asyncio.Event().wait()

    @syscall()
    async def ask(self) -> int:
        return 42
"""
QUIET = {"LLMAGENTOS_DRIVERS__INFERENCE__ENABLED": "false"}


def test_of_several_that_start_a_daemon_one_does_and_all_are_served(
    make_house: Callable[..., House],
) -> None:
    house = make_house(**QUIET)
    agent = house.program("says.py", "async def main(os, task):\n    print('here')")
    with ThreadPoolExecutor(4) as crowd:
        runs = [crowd.submit(house.aos, "run", agent) for _ in range(2)]
        starts = [crowd.submit(house.aos, "start") for _ in range(2)]
        assert [one.result().out for one in runs] == ["here\n"] * 2
        told = [one.result().err for one in (*runs, *starts)]
    assert sum("started the daemon" in one for one in told) == 1


def terminate(house: House) -> None:
    os.kill(int((house.state / "kernel.lock").read_text()), signal.SIGTERM)


def stop(house: House) -> None:
    assert "stopped the daemon" in house.aos("stop").err


@pytest.mark.parametrize("end", [terminate, stop])
def test_daemon_that_waits_for_a_plugin_ends_as_soon_as_it_is_asked_to(
    make_house: Callable[..., House], tmp_path: Path, end: Callable[[House], None]
) -> None:
    install(tmp_path, "never", NEVER)
    said = tmp_path / "said"
    os.mkfifo(said)
    house = make_house(PYTHONPATH=str(tmp_path), SAID=str(said), **QUIET)
    with ThreadPoolExecutor(1) as crowd:
        start = crowd.submit(house.aos, "start", check=False)
        said.read_text()
        end(house)
        assert "was asked to end before it was up" in start.result().err
    assert "no daemon runs" in house.aos("status", check=False).err


def test_several_may_stop_a_daemon_and_one_that_starts_meanwhile_starts_the_next(
    make_house: Callable[..., House],
) -> None:
    house = make_house(**QUIET)
    house.aos("start")
    with ThreadPoolExecutor(3) as crowd:
        stops = [crowd.submit(house.aos, "stop", check=False) for _ in range(3)]
        told = [one.result().err for one in stops]
    assert any("stopped the daemon" in one for one in told), told
    assert all("stopped the daemon" in one or "no daemon runs" in one for one in told), told
    assert "started the daemon" in house.aos("start").err


def test_file_that_cannot_be_read_is_named_in_one_line(make_house: Callable[..., House]) -> None:
    house = make_house(**QUIET)
    house.state.mkdir()
    for name in ("spent.json", "last_pid"):
        (house.state / name).write_text("{")
        assert (
            f"the daemon did not start: EIO: {house.state / name}"
            in house.aos("start", check=False).err
        )
        (house.state / name).unlink()
    (house.state / "kernel.sock").mkdir()
    assert "kernel.sock: Is a directory" in house.aos("start", check=False).err
    (house.state / "kernel.sock").rmdir()
