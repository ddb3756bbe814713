"""Which kind of source some bytes are; their name has a say only among kinds of text.

Interface:
    MEDIA           every media type that can be read
    sniff           bytes to a media type; raises `InvalidArgument`
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from ...syscalls.errors import InvalidArgument
from .encoding import decode

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
#: Media type to the sense that reads it.
MEDIA = {
    "text/plain": "text",
    "text/markdown": "markdown",
    "text/html": "html",
    "text/csv": "table",
    "text/tab-separated-values": "table",
    "application/json": "tree",
    "application/jsonl": "tree",
    "application/toml": "tree",
    "application/pdf": "pdf",
    DOCX: "docx",
    **dict.fromkeys(
        ("image/png", "image/jpeg", "image/gif", "image/webp", "image/tiff", "image/bmp"), "image"
    ),
    **dict.fromkeys(("audio/wav", "audio/flac", "audio/ogg", "audio/mpeg", "audio/aiff"), "audio"),
}
#: What people and libraries call them besides.
_ALIASES = {
    "application/xhtml+xml": "text/html", "text/x-markdown": "text/markdown",
    "application/csv": "text/csv", "text/json": "application/json",
    "application/x-ndjson": "application/jsonl", "application/ndjson": "application/jsonl",
    "application/jsonlines": "application/jsonl", "text/toml": "application/toml",
    "image/jpg": "image/jpeg", "image/x-ms-bmp": "image/bmp", "audio/wave": "audio/wav",
    "audio/x-wav": "audio/wav", "audio/vnd.wave": "audio/wav", "audio/x-flac": "audio/flac",
    "audio/mp3": "audio/mpeg", "application/ogg": "audio/ogg", "audio/opus": "audio/ogg",
    "audio/x-aiff": "audio/aiff", "text/tsv": "text/tab-separated-values",
}  # fmt: skip
_ENDINGS = {
    ".md": "text/markdown", ".markdown": "text/markdown", ".html": "text/html",
    ".htm": "text/html", ".xhtml": "text/html", ".csv": "text/csv",
    ".tsv": "text/tab-separated-values", ".json": "application/json",
    ".jsonl": "application/jsonl", ".ndjson": "application/jsonl", ".toml": "application/toml",
}  # fmt: skip
#: How bytes begin, what they go on with after four more, if anything, and what they are then.
_SIGNATURES: tuple[tuple[bytes, bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", b"", "image/png"),
    (b"\xff\xd8\xff", b"", "image/jpeg"),
    (b"GIF8", b"", "image/gif"),
    (b"RIFF", b"WEBP", "image/webp"),
    (b"RIFF", b"WAVE", "audio/wav"),
    (b"FORM", b"AIFF", "audio/aiff"),
    (b"II*\0", b"", "image/tiff"),
    (b"MM\0*", b"", "image/tiff"),
    (b"fLaC", b"", "audio/flac"),
    (b"OggS", b"", "audio/ogg"),
    (b"ID3", b"", "audio/mpeg"),
)
_HTML = re.compile(
    r"\s*(?:<!--(?:(?!-->).)*-->\s*)*<(?:!doctype\s+html|html|head|body)\b", re.I | re.S
)
_TOML = re.compile(r"^\[{1,2}[\w.\"' -]+\]{1,2}\s*$", re.M)
_HEADING = re.compile(r"^#{1,6} \S", re.M)
#: Bytes that are looked at, and characters from which a kind of text is told.
_SAMPLE, _START = 64 * 1024, 8 * 1024


def sniff(name: str, data: bytes, media: str | None = None) -> str:
    """Return the media type of bytes that go by a name.

    `media` overrules what they look like. Raises `InvalidArgument` for a kind that nobody reads.
    """
    if media is not None:
        plain = media.partition(";")[0].strip().lower()
        plain = _ALIASES.get(plain, plain)
        if plain not in MEDIA:
            raise InvalidArgument(f"{media!r} cannot be read; there is {', '.join(sorted(MEDIA))}")
        return plain
    if (signed := _signature(data)) is not None:
        return signed
    guess = _magic(data)
    if guess in MEDIA and not guess.startswith(("text/", "application/")):
        return guess
    if (text := decode(data[:_SAMPLE], whole=len(data) <= _SAMPLE)) is not None:
        return _text(name, text[:_START])
    looks = f"; it looks like {guess}" if guess else ""
    raise InvalidArgument(f"its bytes are of no kind that can be read{looks}")


def _signature(data: bytes) -> str | None:
    for begins, then, media in _SIGNATURES:
        if data.startswith(begins) and (not then or data[8:12] == then):
            return media
    if data[:2] == b"BM" and data[6:10] == bytes(4):
        return "image/bmp"
    # A header of MPEG audio: eleven bits, then neither a reserved layer nor rate. The mark of
    # UTF-16 looks much alike.
    layered = len(data) > 3 and data[0] == 0xFF and data[1] & 0xE6 in (0xE2, 0xE4, 0xE6)
    if layered and data[1] != 0xFE and data[2] & 0xF0 != 0xF0 and data[2] & 0x0C != 0x0C:
        return "audio/mpeg"
    if b"%PDF-" in data[:1024]:
        return "application/pdf"
    if data[:4] in (b"PK\3\4", b"PK\5\6"):
        if b"word/document.xml" in data:
            return DOCX
        raise InvalidArgument("an archive that is no DOCX document; give its files one by one")
    return None


def _magic(data: bytes) -> str:
    import puremagic

    try:
        found = puremagic.magic_string(data[:_SAMPLE])
    except (puremagic.PureError, ValueError, IndexError):
        return ""
    types = [_ALIASES.get(one.mime_type, one.mime_type) for one in found if one.mime_type]
    return next((one for one in types if one in MEDIA), types[0] if types else "")


def _text(name: str, text: str) -> str:
    """Say which kind of text it is: by its own first words, else by its name, else by its looks."""
    if _HTML.match(text):
        return "text/html"
    if (ending := PurePosixPath(name.lower()).suffix) in _ENDINGS:
        return _ENDINGS[ending]
    if ending in (".txt", ".text", ".log"):
        return "text/plain"
    lines = [line for line in text.splitlines() if line.strip()][:20]
    if text.lstrip()[:1] in ("{", "["):
        if len(lines) > 1 and all(line[:1] == "{" and line.rstrip()[-1:] == "}" for line in lines):
            return "application/jsonl"
        if text.lstrip()[0] == "{" or not _TOML.match(text.lstrip()):
            return "application/json" if _starts_json(text) else "text/plain"
    if _TOML.search(text) and all("=" in one or one[0] in "[#" for one in lines):
        return "application/toml"
    if _HEADING.search(text):
        return "text/markdown"
    for mark, least, media in (("\t", 1, "text/tab-separated-values"), (",", 2, "text/csv"),
                               (";", 2, "text/csv")):  # fmt: skip
        counts = {line.count(mark) for line in lines[:-1] or lines}
        if len(lines) > 2 and len(counts) == 1 and counts.pop() >= least:
            return media
    return "text/plain"


def _starts_json(text: str) -> bool:
    return (
        re.match(r"""\s*(?:\{\s*(?:"|\})|\[\s*(?:["\[{\]\d-]|true|false|null))""", text) is not None
    )
