"""Markdown: its blocks, each under the headings that it stands under.

Of the language only what parts a text is read here: headings, fences, tables, front matter.

Interface:
    read            Markdown in any encoding
    Sections        which headings stand above what comes next
"""

from __future__ import annotations

import re

from ....syscalls.perception import Place
from ..findings import Findings
from .text import decoded

_ATX = re.compile(r" {0,3}(#{1,6})[ \t]+(.*?)[ \t]*#*[ \t]*")
_SETEXT = re.compile(r" {0,3}(=+|-+)[ \t]*")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_RULE = re.compile(r"\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?")
_FACT = re.compile(r"([A-Za-z][\w -]{0,60}):[ \t]*(.*)")
#: Characters of the headings above a piece, and of a line that may be one.
LONGEST, _HEADING = 300, 1000


class Sections:
    """The headings above what comes next, from the outermost."""

    def __init__(self) -> None:
        self._above: list[tuple[int, str]] = []

    def enter(self, level: int, title: str) -> None:
        """Take a heading; those of its level and below it end."""
        while self._above and self._above[-1][0] >= level:
            self._above.pop()
        self._above.append((level, " ".join(title.split())[:LONGEST]))

    def __str__(self) -> str:
        return " > ".join(title for _, title in self._above)[-LONGEST:]

    @property
    def name(self) -> str | None:
        """Return them as a place says it."""
        return str(self) or None


def read(data: bytes, media: str, findings: Findings) -> None:
    """Find the blocks of a document."""
    lines = decoded(data).split("\n")
    sections = Sections()
    block: list[str] = []
    fence: str | None = None
    first = 0

    def end() -> None:
        if block:
            _block(block, Place(line=first + 1, section=sections.name), findings)
            block.clear()

    for number, line in enumerate(lines[(begin := _front(lines, findings)) :], begin):
        if fence is not None:
            block.append(line)
            if line.strip().startswith(fence) and not line.strip().strip(fence[0]):
                fence = None
                end()
            continue
        # Nobody's heading is longer, and a pattern takes ever longer over a line without end.
        short = line if len(line) <= _HEADING else ""
        heading, under = _ATX.fullmatch(short), _SETEXT.fullmatch(short)
        if heading is not None or (under is not None and len(block) == 1):
            level = len(heading[1]) if heading else 1 if line.lstrip()[0] == "=" else 2
            title = heading[2] if heading else block.pop()
            end()
            sections.enter(level, title.strip())
            findings.entitle(title.strip() if level == 1 else None)
            continue
        opens = _FENCE.match(line)
        if opens is not None or not line.strip():
            end()
        if line.strip():
            first = number if not block else first
            block.append(line)
        if opens is not None:
            fence = opens[1]
    end()


def _front(lines: list[str], findings: Findings) -> int:
    """Take the facts before the document; return the line that it begins with."""
    if lines[0].strip() != "---":
        return 0
    for number, line in enumerate(lines[1:60], 1):
        if line.strip() in ("---", "..."):
            return number + 1
        if (fact := _FACT.fullmatch(line)) is not None:
            value = fact[2].strip().strip("\"'")
            findings.state(fact[1].lower(), value)
            findings.entitle(value if fact[1].lower() == "title" else None)
    findings.about.clear()
    return 0


def _block(lines: list[str], place: Place, findings: Findings) -> None:
    if len(lines) > 1 and "|" in lines[0] and _RULE.fullmatch(lines[1].strip()):
        findings.table([_cells(lines[0]), *map(_cells, lines[2:])], place)
    else:
        findings.text("\n".join(lines), place)


def _cells(line: str) -> list[str]:
    line = line.strip().removeprefix("|")
    line = line[:-1] if line.endswith("|") and not line.endswith("\\|") else line
    return [one.strip().replace("\\|", "|") for one in re.split(r"(?<!\\)\|", line)]
