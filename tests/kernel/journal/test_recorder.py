"""No effect goes out before its intent is written, and none that nobody could account for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from llmagentos.kernel.call import Call
from llmagentos.kernel.capability import CapabilitySet
from llmagentos.kernel.journal.reader import read
from llmagentos.kernel.journal.record import Kind, digest
from llmagentos.kernel.journal.recorder import ARGUMENTS, KEPT, JournalRecorder
from llmagentos.kernel.journal.writer import RETRY, JournalWriter
from llmagentos.kernel.process import ProcessTable
from llmagentos.syscalls.errors import InputOutputError
from llmagentos.syscalls.interface import Interface, syscall
from llmagentos.syscalls.ipc import Ipc
from llmagentos.syscalls.process import Process
from llmagentos.syscalls.table import describe


class Oracle(Interface, name="model"):
    """What is learnt from."""

    @syscall(idempotent=True)
    async def ask(self) -> None:
        """Is kept."""


class Shop(Interface, name="shop"):
    """Calls with and without an effect."""

    @syscall(effect=True)
    async def sell(self) -> None:
        """Cannot be repeated."""

    @syscall(effect=True, idempotent=True)
    async def label(self) -> None:
        """Can be repeated."""

    @syscall(idempotent=True)
    async def look(self) -> None:
        """Changes nothing."""


def call(name: str, number: int = 1, body: bytes = b"\x80") -> Call:
    known = [*describe(Shop), *describe(Oracle), *describe(Process), *describe(Ipc)]
    described = {one.name: one for one in known}
    held = CapabilitySet.parse(["*"])
    process = ProcessTable().create(principal="ada", program="test", capabilities=held)
    return Call(number, described[name], process, number, process, 0.0, 9.0, body, seq=number)


def play(
    folder: Path, scene: Callable[[JournalRecorder], None], clock: Callable[[], float] | None = None
) -> None:
    async def run() -> None:
        writer = JournalWriter(folder, clock=clock or (lambda: 0.0))
        scene(JournalRecorder(writer, now=lambda: 5.0, clock=lambda: 0.0))
        await asyncio.sleep(0)
        writer.close()

    asyncio.run(run())


def test_intent_is_written_before_the_call_goes_out_and_the_rest_once_a_turn(
    tmp_path: Path,
) -> None:
    def scene(recorder: JournalRecorder) -> None:
        for name in ("shop.look", "shop.label"):
            recorder.intend(call(name))
        assert list(read(tmp_path)) == []
        recorder.intend(call("shop.sell", 3))
        (intent,) = read(tmp_path)
        assert (intent.kind, intent.seq, intent.digest) == (Kind.INTENT, 3, digest(b"\x80"))
        recorder.ended(call("shop.sell", 3), "ok", b"\xc0")
        assert len(list(read(tmp_path))) == 1

    play(tmp_path, scene)
    assert [(one.kind, one.outcome) for one in read(tmp_path)] == [
        (Kind.INTENT, ""),
        (Kind.CALL, "ok"),
    ]


def test_what_the_kernel_does_itself_is_intended_where_it_may_outlive_the_kernel(
    tmp_path: Path,
) -> None:
    def scene(recorder: JournalRecorder) -> None:
        for name in ("ipc.send", "process.signal", "process.spawn", "process.fork"):
            recorder.intend(call(name))

    play(tmp_path, scene)
    assert [one.syscall for one in read(tmp_path)] == ["process.spawn", "process.fork"]


def test_effects_are_refused_while_the_journal_cannot_be_written_and_all_else_goes_on(
    tmp_path: Path,
) -> None:
    now, folder = 0.0, tmp_path / "missing"

    def scene(recorder: JournalRecorder) -> None:
        nonlocal now
        for name in ("shop.sell", "shop.label"):
            with pytest.raises(InputOutputError, match="No such file"):
                recorder.intend(call(name))
        recorder.intend(call("shop.look"))
        assert "No such file" in recorder.health()
        folder.mkdir()
        now += RETRY
        recorder.intend(call("shop.sell"))
        assert recorder.health() == "healthy"

    play(folder, scene, lambda: now)


def test_long_result_is_kept_as_its_digest_and_says_so(tmp_path: Path) -> None:
    body = bytes(KEPT + 1)

    def scene(recorder: JournalRecorder) -> None:
        recorder.ended(call("shop.look"), "ok", body)
        recorder.ended(call("shop.look"), "ok", body[:KEPT])

    play(tmp_path, scene)
    assert [(one.hashed, one.body) for one in read(tmp_path)] == [
        (True, digest(body)),
        (False, body[:KEPT]),
    ]


def test_what_a_model_was_asked_is_kept_as_long_as_a_result(tmp_path: Path) -> None:
    asked = bytes(ARGUMENTS + 1)

    def scene(recorder: JournalRecorder) -> None:
        recorder.ended(call("model.ask", body=asked), "ok", b"\xc0")
        recorder.ended(call("shop.look", body=asked), "ok", b"\xc0")

    play(tmp_path, scene)
    assert [one.arguments for one in read(tmp_path)] == [asked, b""]


def test_taints_of_an_agent_are_noted_once(tmp_path: Path) -> None:
    def scene(recorder: JournalRecorder) -> None:
        one = call("shop.look")
        one.process.taints = ("a page",)
        for _ in range(2):
            recorder.ended(one, "ok", b"\xc0")

    play(tmp_path, scene)
    noted = [one.notes.get("taints") for one in read(tmp_path)]
    assert noted == [["a page"], None]
