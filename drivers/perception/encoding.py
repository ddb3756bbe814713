"""The characters that bytes stand for, in whatever encoding.

Marks come first, then UTF-8, which other text next to never happens to be, then UTF-16 by where its
zeros stand, what a page says of itself, and a guess by the letters.

Interface:
    decode          bytes to text; None for what is no text
"""

from __future__ import annotations

import codecs
import re

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"), (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
_CHARSET = re.compile(rb"""charset=["']?\s*([A-Za-z0-9_.:-]{2,40})""")
#: Bytes from which an encoding is guessed.
_SAMPLE = 64 * 1024


def decode(data: bytes, *, whole: bool = True) -> str | None:
    """Return the text that bytes are, in whatever encoding; None where they are none.

    `whole`: else the last character may be cut off.
    """
    for mark, named in _BOMS:
        if data.startswith(mark):
            return data.decode(named, errors="replace")
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(data, final=whole)
        return text if _readable(text) else _utf16(data)
    except UnicodeDecodeError:
        pass
    if (wide := _utf16(data)) is not None or (encoding := _encoding(data)) is None:
        return wide
    # UTF-7 makes halves of characters.
    guessed = data.decode(encoding, errors="replace").encode(errors="replace").decode()
    return guessed if _readable(guessed) else None


def _encoding(data: bytes) -> str | None:
    """Say which encoding bytes are in that are not UTF-8: by their own word, else by guess."""
    if (said := _CHARSET.search(data, 0, 2048)) is not None:
        try:
            # Text encodings alone: Python has others, which take time or are none.
            found = codecs.lookup(said[1].decode())
            if found._is_text_encoding and found.name not in ("idna", "punycode", "undefined"):
                return found.name
        except LookupError:
            pass
    from charset_normalizer import from_bytes

    # Cut at an end of line, so that no character is torn.
    sample = data[:_SAMPLE]
    sample = sample[: sample.rfind(b"\n") + 1] or sample
    best = from_bytes(sample).best()
    return None if best is None else best.encoding


def _utf16(data: bytes) -> str | None:
    """Return UTF-16 without its mark, told by where its zeros stand."""
    start = data[:4096]
    pairs = len(start) // 2
    if not pairs:
        return None
    for encoding, zeros in (("utf-16-le", start[1::2]), ("utf-16-be", start[::2])):
        other = start.count(0) - zeros.count(0)
        if zeros.count(0) > 0.6 * pairs and other < 0.05 * pairs:
            text = data[: len(data) // 2 * 2].decode(encoding, errors="replace")
            return text if _readable(text) else None
    return None


def _readable(text: str) -> bool:
    """Whether a text holds next to no control characters."""
    start = text[:_SAMPLE]
    strange = sum(one < " " and one not in "\t\n\r\f\v\x1b" for one in start)
    return strange <= len(start) // 200
