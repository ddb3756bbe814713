"""The text of a page, read in a process of its own.

    python -I page.py CHARSET html|text     bytes in, text in UTF-8 out

A hostile page takes Python's HTML parser, and some of its codecs, a time that grows with the square
of its size: whoever waits for the text kills this process instead. It imports nothing of ours and
so starts at once.
"""

from __future__ import annotations

import sys
from html.parser import HTMLParser

_SKIPPED = ("script", "style", "noscript", "template")


def decoded(data: bytes, charset: str) -> str:
    """Return a page's characters; what is none in its character set is replaced."""
    try:
        return data.decode(charset, errors="replace")
    except (LookupError, ValueError):  # no such character set, or one that replaces nothing
        return data.decode(errors="replace")


def text_of(html: str) -> str:
    """Return what a browser would show, a line for each piece."""
    parser = _Text()
    parser.feed(html)
    parser.close()
    return "\n".join(parser.parts)


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._skip = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._skip += tag in _SKIPPED

    def handle_endtag(self, tag: str) -> None:
        self._skip -= tag in _SKIPPED and self._skip > 0

    def handle_data(self, data: str) -> None:
        if not self._skip and data.strip():
            self.parts.append(" ".join(data.split()))


def main() -> None:
    """Write the text of what comes in on standard input to standard output."""
    charset, kind = sys.argv[1:]
    text = decoded(sys.stdin.buffer.read(), charset)
    if kind == "html":
        text = text_of(text)
    sys.stdout.buffer.write(text.encode(errors="replace"))


if __name__ == "__main__":
    main()
