"""Finding tools by what they do, so that a hundred need not stand in a prompt.

BM25 (Robertson and Zaragoza 2009) over names, descriptions and parameters, as SQLite's FTS5 ranks
it; a word in a name counts for more than one in a description.

Interface:
    Index           over some tools; `search`
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from ...syscalls.tool import ToolInfo

#: Words of a question that are looked for, and characters that they are looked for in.
WORDS, LONGEST = 64, 10_000
#: Words that say nothing of what a tool does; they count where there is nothing else.
_EMPTY = frozenset(
    "a about an and any are as at be by can could do does for from get give go has have how i in"
    " into is it its me my no not of on or our please so some that the their them then there these"
    " they this to us use using want was we what when where which who why will with would you your"
    .split()
)  # fmt: skip
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
#: Weights of a name, a description and the parameters.
_RANK = "bm25(tools, 8.0, 3.0, 1.0)"


class Index:
    """The tools as they were when it was made."""

    def __init__(self, tools: Iterable[ToolInfo]) -> None:
        import apsw

        self._tools = list(tools)
        self._connection = apsw.Connection(":memory:")
        self._connection.execute(
            "create virtual table tools using fts5(name, description, parameters,"
            " tokenize = 'porter unicode61')"
        )
        self._connection.executemany("insert into tools values (?, ?, ?)", map(_row, self._tools))

    def search(self, query: str, limit: int) -> list[ToolInfo]:
        """Return the tools that fit a question in plain words best, the best first."""
        words = re.findall(r"\w+", _split(query[:LONGEST]).lower())[:WORDS]
        words = [one for one in words if one not in _EMPTY and not one.isdigit()] or words
        if not words:
            return []
        asked = " OR ".join(f'"{word}"' for word in words)
        found = self._connection.execute(
            f"select rowid from tools where tools match ? order by {_RANK}, name limit ?",
            (asked, limit),
        )
        return [self._tools[number - 1] for (number,) in found]

    def close(self) -> None:
        """Give the memory back."""
        self._connection.close()


def _row(info: ToolInfo) -> tuple[str, str, str]:
    parameters = info.parameters.get("properties", {})
    return _split(info.name), _split(info.description), _split(json.dumps(parameters))


def _split(text: str) -> str:
    """Part the words of a name: `readFile` and `read_file` alike."""
    return _HUMP.sub(" ", text.encode(errors="replace").decode()).replace("_", " ")
