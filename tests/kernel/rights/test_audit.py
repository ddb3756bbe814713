"""The audit reads all of the journal, what was torn included, and goes on with what is written."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from llmagentos.kernel.capability import Capability
from llmagentos.kernel.journal.record import Kind, Record, encode
from llmagentos.kernel.rights.audit import Audit, Wanted
from llmagentos.kernel.rights.notes import MOST, RateLimit
from llmagentos.syscalls.codec import pack
from llmagentos.syscalls.rights import Audited


def call(pid: int, name: str, outcome: str = "ok", **notes: Any) -> bytes:
    return encode(
        Record(
            kind=Kind.CALL,
            time=float(pid),
            pid=pid,
            syscall=name,
            outcome=outcome,
            body=pack(None if outcome == "ok" else [f"no\x1b[2J {name}", {}]),
            arguments=pack({"name": "shell"}),
            notes={"who": ["ada", "clerk"], **notes},
        )
    )


def audit(folder: Path) -> Audit:
    return Audit(folder, lambda: None, {"tool.call": "name"}.get)


def read(folder: Path, **wanted: Any) -> list[Audited]:
    async def whole() -> list[Audited]:
        return [one async for one in audit(folder).read(Wanted(**wanted), follow=False)]

    return asyncio.run(whole())


def test_calls_are_told_with_their_grant_reason_and_approver_and_can_be_chosen(
    tmp_path: Path,
) -> None:
    (tmp_path / "00000001.log").write_bytes(
        call(1, "tool.call", grant="tool.*", approver="ada (process 9)") + b"torn"
    )
    (tmp_path / "00000002.log").write_bytes(
        call(2, "memory.put", "EPERM", grant="!memory.put")
        + encode(Record(kind=Kind.EXIT, time=2.0, pid=2))
        + call(3, "memory.get", "ENOENT")[:-3]
    )
    first, second = read(tmp_path)
    assert (first.subject, first.grant, first.approver) == ("shell", "tool.*", "ada (process 9)")
    assert (first.principal, first.name, first.reason) == ("ada", "clerk", None)
    assert (second.outcome, second.grant) == ("EPERM", "!memory.put")
    assert second.reason == "no [2J memory.put"
    assert [one.pid for one in read(tmp_path, denied=True)] == [2]
    assert [one.pid for one in read(tmp_path, pid=1)] == [1]
    assert [one.pid for one in read(tmp_path, since=1.5)] == [2]
    named = Capability.parse("tool.call:shell")
    assert [one.pid for one in read(tmp_path, capability=named)] == [1]
    assert read(tmp_path, principal="bob") == []


def test_what_is_written_later_follows(tmp_path: Path) -> None:
    file = tmp_path / "00000001.log"
    file.write_bytes(call(1, "a.b"))

    async def whole() -> list[int]:
        found = []
        async for one in audit(tmp_path).read(Wanted(), follow=True):
            found.append(one.pid)
            if len(found) == 3:
                break
            number = len(found) + 1
            where = file if number == 2 else tmp_path / "00000002.log"
            with where.open("ab") as more:
                more.write(call(number, "a.b"))
        return found

    assert asyncio.run(whole()) == [1, 2, 3]


def test_floods_of_one_process_are_cut_and_others_are_heard() -> None:
    now = 0.0
    pace = RateLimit(lambda: now)
    assert sum(pace.take(1) for _ in range(1000)) == MOST and pace.take(2)
    now = 1.0
    assert pace.take(1)


def test_what_damage_hides_is_looked_at_once_however_long_the_audit_follows(tmp_path: Path) -> None:
    hidden = bytearray(call(2, "a.b"))
    hidden[0], hidden[8] = 0xFF, 0xC1  # neither its length nor its body says where it ends
    file = tmp_path / "00000001.log"
    file.write_bytes(call(1, "a.b") + hidden + call(3, "a.b"))
    place: dict[Path, int] = {}
    found, more = audit(tmp_path)._next(place, Wanted())
    assert [one.pid for one in found] == [1] and more
    with file.open("ab") as later:
        later.write(call(4, "a.b"))
    assert audit(tmp_path)._next(place, Wanted()) == ([], False)
    assert place[file] > file.stat().st_size
