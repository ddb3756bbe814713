"""The line to a zygote carries orders or refuses them, and its end is survived."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import date
from typing import Any

import pytest

from llmagentos.kernel.launcher.line import PATIENCE
from llmagentos.kernel.launcher.zygote import ZygoteLauncher
from llmagentos.kernel.sandbox.layers import Sandbox
from llmagentos.syscalls.errors import DeviceError, InvalidArgument

from .yard import FREE, SEALED, Scene, Yard, settle, status_of

#: The kernel looks for a dead zygote's end once, and mostly before the machine knows of it.
_UNREAPED = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@_UNREAPED
@pytest.mark.parametrize("sandbox", [FREE, SEALED], ids=["free", "sealed"])
def test_death_of_the_zygote_is_the_death_of_its_children_and_the_next_launch_works(
    play_alone: Callable[[Scene], None], sandbox: Sandbox
) -> None:
    async def scene(yard: Yard) -> None:
        for pid in (1, 2, 3):
            launched = await yard.launch(pid, "sleep", "60", sandbox=sandbox)
        # The one that forked them.
        os.kill(status_of(launched.os_pid)[1], signal.SIGKILL)
        assert set(await yard.ended(3)) == {1, 2, 3} and len(yard.ends) == 3
        for pid in (1, 2, 3):
            await yard.gone(pid)
        at_once = [yard.launch(pid, "sh", "-c", "exit 4", sandbox=SEALED) for pid in range(4, 9)]
        await asyncio.gather(*at_once)
        ends = await yard.ended(8)
        assert {pid: ends[pid] for pid in range(4, 9)} == dict.fromkeys(range(4, 9), (4, 0))

    play_alone(scene)


@_UNREAPED
def test_launch_that_a_dying_zygote_leaves_unanswered_fails(
    play_alone: Callable[[Scene], None],
) -> None:
    async def scene(yard: Yard) -> None:
        zygote = status_of((await yard.launch(0, "sleep", "60")).os_pid)[1]
        os.kill(zygote, signal.SIGSTOP)
        launching = asyncio.ensure_future(yard.launch(1, "true"))
        await settle()
        os.kill(zygote, signal.SIGKILL)
        with pytest.raises(DeviceError, match="died"):
            await launching
        await yard.launch(2, "true")
        assert await yard.ended(2) == {0: (0, signal.SIGKILL), 2: (0, 0)}

    play_alone(scene)


@pytest.mark.parametrize(
    ("size", "sandbox"),
    [
        (10**5, SEALED),
        (3 * 10**5, SEALED),
        (6 * 10**5, FREE),
        (10**8, FREE),
    ],
)
def test_arguments_of_any_length_are_carried_or_refused_and_hurt_nobody(
    play: Callable[[Scene], None], size: int, sandbox: Sandbox
) -> None:
    async def scene(yard: Yard) -> None:
        await yard.launch(1, "sleep", "60", sandbox=SEALED)
        with suppress(InvalidArgument):
            await yard.launch(2, "true", sandbox=sandbox, arguments={"task": "x" * size})
            await yard.ended(1)
        await yard.launch(3, "true", sandbox=SEALED)
        assert 1 not in {pid for pid, _, _ in yard.ends}
        if size > 10**6:
            assert 2 not in {pid for pid, _, _ in yard.ends}

    play(scene)


@pytest.mark.parametrize(
    "value", ["\ud800", date(2026, 1, 1), 2**64], ids=["surrogate", "date", "number"]
)
def test_argument_that_no_message_carries_is_refused(
    play: Callable[[Scene], None], value: Any
) -> None:
    async def scene(yard: Yard) -> None:
        with pytest.raises(InvalidArgument):
            await yard.launch(1, "true", arguments={"value": value})
        await yard.launch(2, "true")
        assert await yard.ended(1) == {2: (0, 0)}

    play(scene)


def test_launch_that_is_taken_back_leaves_no_process(play: Callable[[Scene], None]) -> None:
    async def scene(yard: Yard) -> None:
        zygote = status_of((await yard.launch(1, "sleep", "60")).os_pid)[1]
        for turns in range(5):
            pid = 10 + turns
            os.kill(zygote, signal.SIGSTOP)  # It may be quicker than these turns.
            try:
                launching = asyncio.ensure_future(yard.launch(pid, "sleep", "60"))
                await settle(turns)
                launching.cancel()
                await asyncio.gather(launching, return_exceptions=True)
            finally:
                os.kill(zygote, signal.SIGCONT)
            assert launching.cancelled()
            if pid in yard.sockets:
                await yard.gone(pid)
        await yard.launch(2, "true")
        await yard.ended(1)

    play(scene)


def test_closing_answers_whoever_waits_for_a_launch(play_alone: Callable[[Scene], None]) -> None:
    async def scene(yard: Yard) -> None:
        launching = asyncio.ensure_future(yard.launch(1, "true"))
        await settle()
        await yard.launcher.close()
        with pytest.raises(DeviceError):
            await launching

    play_alone(scene)


@pytest.mark.parametrize("executable", ["/bin/false", "/bin/there_is_none"])
def test_zygote_that_dies_at_its_start_or_has_none_is_told_at_once(
    monkeypatch: pytest.MonkeyPatch, executable: str
) -> None:
    monkeypatch.setattr(sys, "executable", executable)

    async def scene() -> None:
        launcher = ZygoteLauncher()
        try:
            async with asyncio.timeout(PATIENCE - 1):
                with pytest.raises(DeviceError):
                    await launcher.start()
        finally:
            await launcher.close()

    asyncio.run(scene())
