"""The documents that a model learns from, and those that are held out.

Interface:
    Corpus      the files of a recipe; `survey` reads all of it once
    Documents   those to learn from, without end, with a position
    Survey      what a corpus holds
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ....syscalls.errors import InvalidArgument
from .readers import Corrupt, Reader
from .recipe import CorpusPart

#: Troubles that are told one by one; of the rest the number is.
_TOLD = 10


@dataclass(slots=True, kw_only=True)
class Survey:
    """What a corpus holds."""

    files: int = 0
    documents: int = 0
    characters: int = 0
    #: Lines and files that cannot be read and were passed over.
    skipped: int = 0
    #: Of those that are held out, as many as were asked for.
    held_out: list[str] = field(default_factory=list)
    #: Some to learn from, for a tokenizer.
    sample: list[str] = field(default_factory=list)


class Corpus:
    """Files of documents."""

    def __init__(self, folder: Path, part: CorpusPart, names: list[Path] | None = None) -> None:
        """`names`: the files where the recipe's patterns are not what is to be read.

        Raises `InvalidArgument` for a pattern that fits no file.
        """
        self._part = part
        self.folder = folder
        self.paths = found(folder, part.files) if names is None else names
        kind = "jsonl" if part.format == "documents" else part.format
        field = "text" if part.format == "documents" else part.field
        longest = part.longest if part.format != "documents" else 256 * part.longest
        self._reader = Reader(format=kind, field=field, longest=longest)
        self.troubles: list[str] = []
        self._skipped = 0

    def survey(
        self, characters: int, held_out: int, check: Callable[[], None] = lambda: None
    ) -> Survey:
        """Read everything once. `characters`: of the sample; `held_out`: of the held-out texts;
        `check` is called now and then, and may raise.

        Raises `Corrupt` for what cannot be read, unless the recipe says to pass over it, and for a
        corpus in which nothing is left to learn from or to hold out.
        """
        seen = Survey(files=len(self.paths))
        sampled = kept = 0
        self._skipped = 0
        for index in range(len(self.paths)):
            for text, _ in self.read(index, 0):
                check()
                seen.documents += 1
                seen.characters += len(text)
                if self.held_out(text):
                    if kept < held_out:
                        kept += len(text)
                        seen.held_out.append(text)
                elif sampled < characters:
                    sampled += len(text)
                    seen.sample.append(text)
        seen.skipped = self._skipped
        if not seen.sample or not seen.held_out:
            which = "held out" if seen.sample else "learnt from"
            passed = f"; {seen.skipped} could not be read" if seen.skipped else ""
            raise Corrupt(
                f"the corpus of {seen.files} files holds {seen.documents} documents, of which none "
                f"can be {which}{passed}"
            )
        return seen

    def read(self, index: int, start: int) -> Iterator[tuple[str, int]]:
        """Yield the documents of one file after a byte, each with the byte after it."""
        path = self.paths[index]
        name = path.relative_to(self.folder).as_posix()
        return self._reader.read(path, name, start, self._trouble)

    def held_out(self, text: str) -> bool:
        """Return whether a document is held out. Equal ones are on the same side."""
        return zlib.crc32(text.encode()) < self._part.held_out * 2**32

    def print_of(self) -> list[list[Any]]:
        """Return by which a corpus is known: the names and sizes of its files."""
        return [
            [path.relative_to(self.folder).as_posix(), path.stat().st_size] for path in self.paths
        ]

    def _trouble(self, what: str) -> None:
        if self._part.on_error == "fail":
            raise Corrupt(what)
        self._skipped += 1
        if self._skipped <= _TOLD and what not in self.troubles:
            self.troubles.append(what)


def found(folder: Path, patterns: list[str]) -> list[Path]:
    """Return the files of a folder that fit patterns, each once, in order."""
    paths: dict[Path, None] = {}
    for pattern in patterns:
        try:
            fitting = sorted(one for one in folder.glob(pattern) if one.is_file())
        except (OSError, ValueError, NotImplementedError) as error:
            raise InvalidArgument(f"corpus.files: {pattern!r}: {error}") from error
        if not fitting:
            raise InvalidArgument(f"corpus.files: no file fits {pattern!r}")
        paths |= dict.fromkeys(fitting)
    return list(paths)


class Documents:
    """The documents to learn from, file after file, round after round."""

    def __init__(self, corpus: Corpus) -> None:
        self._corpus = corpus
        self.file = self.offset = self.round = 0

    def __iter__(self) -> Iterator[str]:
        while True:
            while self.file < len(self._corpus.paths):
                for text, after in self._corpus.read(self.file, self.offset):
                    self.offset = after
                    if not self._corpus.held_out(text):
                        yield text
                self.file, self.offset = self.file + 1, 0
            self.file, self.round = 0, self.round + 1

    def state(self) -> dict[str, Any]:
        """Return the position."""
        return {
            "files": self._corpus.print_of(),
            "file": self.file,
            "offset": self.offset,
            "round": self.round,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go to a position. Raises `InvalidArgument` where the files have changed."""
        if state["files"] != self._corpus.print_of():
            raise InvalidArgument(
                "the corpus has changed since the checkpoint: begin anew with --fresh"
            )
        self.file, self.offset, self.round = state["file"], state["offset"], state["round"]
