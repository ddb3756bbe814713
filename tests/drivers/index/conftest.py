"""A shelf in a real SQLite file, over texts in a dictionary."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import apsw
import pytest

from llmagentos.drivers.index.file import open_file
from llmagentos.drivers.index.shelf import Shelf


class Owner:
    """Who owns the texts: by place and number."""

    def __init__(self, path: Path) -> None:
        self.texts: dict[str, dict[int, str]] = {}
        self.base, self.shelf = open_file(path, self._prepare)

    def _prepare(self, base: apsw.Connection) -> tuple[apsw.Connection, Shelf]:
        return base, Shelf(base, "piece", self.read)

    def read(self, place: str, numbers: list[int] | None) -> Iterable[tuple[int, str]]:
        texts = self.texts.get(place, {})
        return [
            (one, texts[one]) for one in (texts if numbers is None else numbers) if one in texts
        ]

    def put(
        self, place: str, number: int, text: str, vector: list[float] | None = None, model: str = ""
    ) -> None:
        with self.base:
            self.texts.setdefault(place, {})[number] = text
            self.shelf.add(place, number, text, vector, model)

    def take(self, place: str, number: int) -> None:
        with self.base:
            del self.texts[place][number]
            self.shelf.remove(place, number)

    def words(self, query: str, place: str = "a") -> list[int]:
        return [number for number, _ in self.shelf.by_words(place, query, 10)]

    def near(self, vector: list[float], model: str = "", place: str = "a") -> list[int]:
        return [number for number, _ in self.shelf.by_vector(place, vector, 10, model)]


@pytest.fixture
def owner(tmp_path: Path) -> Iterator[Owner]:
    made = Owner(tmp_path / "shelf.db")
    yield made
    made.base.close()
