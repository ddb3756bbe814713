"""Documents damaged at random: each is read, or refused with an error of the table."""

from __future__ import annotations

import random

import pytest

from llmagentos.syscalls.codec import pack
from llmagentos.syscalls.message import MAX_FRAME

from . import documents
from .conftest import See

WHOLE = {
    "a.pdf": documents.pdf(["Spending fell.", "Income rose."]),
    "a.docx": documents.docx(),
    "a.png": documents.image("PNG", size=(60, 40)),
    "a.jpg": documents.image("JPEG", size=(60, 40)),
    "a.tiff": documents.image("TIFF", size=(60, 40)),
    "a.gif": documents.image("GIF", size=(60, 40)),
    "a.wav": documents.sound((0.1, 0.3), (0.3, 0), (0.1, 0.3)),
    "a.html": b"<html><title>a</title><body><main><h1>b</h1><p>c<table><tr><td>d<td>e</table>",
    "a.md": b"# a\n\n| b | c |\n|---|---|\n| d | e |\n\n```\nf\n```\n- g\n",
    "a.csv": b'a,b\n"c, d",e\n',
    "a.json": b'{"a": [{"b": 1}, {"c": [2, "\\u00fc"]}], "d": {"e": null}}',
    "a.toml": b'a = "b"\n[c]\nd = [1, 2]\n',
}


def damaged(data: bytes, chance: random.Random) -> bytes:
    """Change, repeat, cut out and add some of it."""
    changed = bytearray(data)
    for _ in range(chance.randint(1, 8)):
        at = chance.randrange(len(changed) + 1)
        end = min(len(changed), at + chance.choice((1, 2, 8, 64)))
        part = bytes(changed[at:end])
        changed[at:end] = chance.choice(
            (b"", part * chance.choice((2, 50)), chance.randbytes(end - at), part[::-1], b"\0\xff")
        )
    return bytes(changed)


@pytest.mark.parametrize("name", WHOLE)
def test_damaged_document_is_read_or_refused(see: See, name: str) -> None:
    chance = random.Random(name)
    for _ in range(60):
        found = see(damaged(WHOLE[name], chance), name, seconds=10.0)
        if found.error is None:
            assert len(pack(found.observations)) < MAX_FRAME
        else:
            assert found.error[0] in ("EINVAL", "E2BIG", "ETIMEDOUT")
            assert len(found.error[1]) < 2000
