"""What is small when it arrives and large when it is read ends in an answer or a typed error.

Each is set off in a booted daemon, which answers others all the while and has not grown after it.
"""

from __future__ import annotations

import asyncio
import io
import json
import struct
import zipfile
import zlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from llmagentos.syscalls.errors import LLMAgentOSError
from llmagentos.syscalls.os import OS

from ..integration.conftest import Daemon

#: Seconds that others wait at most while one goes off, on a machine with much else to do.
PATIENCE = 10.0
#: Errors that say what is wrong with what was asked, or that it is too much.
TYPED = {"EINVAL", "E2BIG", "EQUOTA", "EDQUOT", "ETIMEDOUT", "ENOENT", "EAGAIN", "EPERM"}
MANY = 100_000
WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


async def beside(daemon: Daemon, work: Callable[[OS], Awaitable[Any]]) -> Any:
    """Return what becomes of a call, while another session is answered promptly."""
    done = asyncio.Event()

    async def ask() -> None:
        async with daemon.session() as os:
            while not done.is_set():
                async with asyncio.timeout(PATIENCE):
                    await os.clock.now()
                await asyncio.sleep(0.01)

    async def set_off() -> Any:
        try:
            async with daemon.session() as os:
                return await work(os)
        except LLMAgentOSError as error:
            return error
        finally:
            done.set()

    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        tasks.create_task(ask())
        told = tasks.create_task(set_off())
    return told.result()


def memory(daemon: Daemon) -> int:
    """Return the bytes that the daemon and its drivers hold, each page of them once."""
    total = 0
    for process in [daemon.process.pid, *_below(daemon.process.pid)]:
        try:
            lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
        except OSError:  # It has ended meanwhile.
            continue
        total += sum(int(one.split()[1]) * 1024 for one in lines if one.startswith("Pss:"))
    return total


def _below(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [one for child in map(int, children) for one in (child, *_below(child))]


def archive(**files: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in files.items():
            made.writestr(name.replace("__", "/").replace("_xml", ".xml"), content)
    return target.getvalue()


def document(body: bytes, before: bytes = b"") -> bytes:
    head = b'<?xml version="1.0"?>' + before
    wrapped = head + f'<w:document xmlns:w="{WORD}"><w:body>'.encode() + body
    types = b'<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'
    named = {
        "[Content_Types]_xml": types,
        "word__document_xml": wrapped + b"</w:body></w:document>",
    }
    return archive(**named)


def zeros(length: int) -> bytes:
    """Return an archive of a document whose one file unpacks to so many bytes."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("[Content_Types].xml", "<Types/>")
        with made.open("word/document.xml", "w", force_zip64=True) as file:
            for _ in range(length // 2**20):
                file.write(bytes(2**20))
    return target.getvalue()


def picture(side: int) -> bytes:
    """Return a small file that is a picture of so many pixels by so many."""

    def part(name: bytes, content: bytes) -> bytes:
        check = zlib.crc32(name + content)
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", check)

    rows = zlib.compress(bytes(2**20), 9)
    head = struct.pack(">IIBBBBB", side, side, 8, 6, 0, 0, 0)
    parts = part(b"IHDR", head) + part(b"IDAT", rows) + part(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12)).encode()
DOCTYPE = b'<!DOCTYPE x [<!ENTITY l0 "ha">' + LAUGHS + b"]>"

#: Sources by the names that they go by.
SOURCES: dict[str, Callable[[], bytes]] = {
    "zeros.docx": lambda: zeros(2**28),
    "many.docx": lambda: archive(**{f"a{n}": b"" for n in range(50_000)}),
    "laughs.docx": lambda: document(b"<w:p><w:r><w:t>&l11;</w:t></w:r></w:p>", DOCTYPE),
    "outside.docx": lambda: document(
        b"<w:p><w:r><w:t>&x;</w:t></w:r></w:p>",
        b'<!DOCTYPE x [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
    ),
    "deep.docx": lambda: document(b"<w:p>" * 20_000 + b"</w:p>" * 20_000),
    "deep.json": lambda: b"[" * MANY + b"]" * MANY,
    "wide.json": lambda: b'{"a":' * MANY + b"1" + b"}" * MANY,
    "number.json": lambda: b"1" * 5_000_000,
    "exponent.json": lambda: b"[1e999999999, -1e999999999]",
    "deep.html": lambda: b"<div>" * (2 * MANY) + b"x",
    "tags.html": lambda: b"<" * (20 * MANY),
    "table.html": lambda: b"<table><tr>" * MANY + b"<td colspan=99999999 rowspan=99999999>x",
    "quotes.csv": lambda: b'"' * (20 * MANY),
    "columns.csv": lambda: b"," * (20 * MANY) + b"\n" + b"," * (20 * MANY),
    "line.txt": lambda: b"a" * (80 * MANY),
    "marks.txt": lambda: (b"((((((((" * MANY) + b"!",
    "page.png": lambda: picture(60_000),
}  # fmt: skip


@pytest.fixture(scope="module")
def before(daemon: Daemon) -> int:
    asyncio.run(beside(daemon, lambda os: os.perception.perceive("a.txt", data=b"hello")))
    return memory(daemon)


@pytest.mark.parametrize("name", SOURCES)
def test_source_that_is_a_bomb_is_read_in_bounds(daemon: Daemon, before: int, name: str) -> None:
    content = SOURCES[name]()
    told = asyncio.run(
        beside(daemon, lambda os: os.perception.perceive(name, data=content, limit=100_000))
    )
    if isinstance(told, LLMAgentOSError):
        assert told.code in TYPED, told
    else:
        assert sum(len(one.text) for one in told.observations) <= 100_000
        assert "root:" not in str(told)
    assert memory(daemon) < before + 300 * 2**20


#: Calls whose arguments cost much more to answer than to send.
CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "tools by a pattern": ("tool.search", {"query": "(a*)*b" * 1000}),
    "tools by operators": ("tool.search", {"query": 'NEAR("' * 5000 + "*"}),
    "memory by operators": ("memory.search", {"query": '"" OR NOT ( NEAR * ^ ' * 2000}),
    "memory by stars": ("memory.search", {"query": "a* " * 20_000}),
    "recall": ("memory.recall", {"query": "(" * MANY}),
    "knowledge by operators": ("knowledge.search", {"query": 'a" OR "' * 10_000}),
    "pattern that joins all with all": (
        "knowledge.ask",
        {"pattern": " . ".join(f"?a{n} ?b{n} ?c{n}" for n in range(12))},
    ),
    "pattern that no fact fits": (
        "knowledge.ask",
        {"pattern": " . ".join(f"?a{n} knows ?a{(n + 1) % 9}" for n in range(9))},
    ),
    "pattern that is long": ("knowledge.ask", {"pattern": "?a ?b ?c . " * 20_000}),
    "pattern that is unclosed": ("knowledge.ask", {"pattern": '"' + "\\" * MANY}),
    "pattern of brackets": ("knowledge.ask", {"pattern": "(" * MANY}),
    "neighbourhood": ("knowledge.neighbourhood", {"thing": "hub", "depth": 4, "limit": 1000}),
    "paths": ("knowledge.paths", {"start": "hub", "end": "n1", "most": 8, "limit": 1000}),
    "names of processes by a pattern": ("learning.trajectories", {"name": "*a" * 30 + "b"}),
    "names by sets": ("learning.trajectories", {"name": "[" * 64}),
    "rights by stars": (
        "process.spawn",
        {"program": "-", "arguments": ["/bin/true"], "capabilities": ["a*" * 250]},
    ),
    "limit by stars": ("rights.revoke", {"pid": 1, "capabilities": ["*a" * 250]}),
    "arithmetic": (
        "tool.call",
        {"name": "calculator", "arguments": {"expression": "9**9**9**9**9"}},
    ),
    "wrong arguments": ("knowledge.tell", {"claims": [{"wrong": 1}] * 10_000}),
    "nested arguments": (
        "memory.put",
        {"key": "a", "value": json.loads("[" * 900 + "]" * 900)},
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def filled(daemon: Daemon, before: int) -> None:
    """Facts that all hang together, and a text of one word again and again."""

    async def work(os: OS) -> None:
        claims = [{"subject": "hub", "relation": "knows", "object": f"n{n}"} for n in range(300)]
        claims += [{"subject": f"n{n}", "relation": "knows", "object": "hub"} for n in range(300)]
        await os.call("knowledge.tell", {"claims": claims})
        for n in range(50):
            await os.memory.put(f"k{n}", "a " * 500)

    daemon.run(work)


@pytest.mark.parametrize("name", CALLS)
def test_call_that_is_a_bomb_ends_while_others_are_answered(
    daemon: Daemon, filled: None, before: int, name: str
) -> None:
    syscall, arguments = CALLS[name]
    told = asyncio.run(beside(daemon, lambda os: os.call(syscall, arguments)))
    if isinstance(told, LLMAgentOSError):
        assert told.code in TYPED and len(told.message) < 5000, told
    assert memory(daemon) < before + 300 * 2**20
