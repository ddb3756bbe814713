"""Plain text: pieces of a few paragraphs, each with its line.

Interface:
    read            text in any encoding
    decoded         its characters; raises `InvalidArgument`
"""

from __future__ import annotations

from ....syscalls.errors import InvalidArgument
from ....syscalls.perception import Place
from ..encoding import decode
from ..findings import Findings

#: Characters after which a piece ends with its paragraph, and after which it ends in any case.
PIECE, LONGEST = 800, 4000


def decoded(data: bytes) -> str:
    """Return the characters of a text. Raises `InvalidArgument` for bytes that are none."""
    text = decode(data)
    if text is None:
        raise InvalidArgument("its bytes are no text in any encoding that is known")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read(data: bytes, media: str, findings: Findings) -> None:
    """Find the pieces of a text."""
    piece: list[str] = []
    length, start = 0, 1
    for number, line in enumerate(decoded(data).split("\n"), 1):
        if not piece:
            start = number
        if line.strip() or piece:
            piece.append(line.rstrip())
            length += len(line) + 1
        if length > LONGEST or (length > PIECE and not line.strip()):
            findings.text("\n".join(piece), Place(line=start))
            piece, length = [], 0
    findings.text("\n".join(piece), Place(line=start))
