"""How well a classifier did on texts whose labels are known.

Interface:
    Report          `accuracy`, `macro_f1`, `classes`, the matrix of confusion, `table` for people
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Class:
    """How one label did, each from 0 to 1; 0 where there is nothing to divide by."""

    precision: float
    recall: float
    #: 2 · precision · recall / (precision + recall).
    f1: float
    texts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was true and what it was taken for."""

    labels: tuple[str, ...]
    #: A row for what is true, a column for what it was taken for.
    matrix: tuple[tuple[int, ...], ...]

    @classmethod
    def of(cls, labels: Sequence[str], pairs: Iterable[tuple[int, int]]) -> Report:
        """Count pairs of a text's label and what it was taken for, by their places in `labels`."""
        matrix = [[0] * len(labels) for _ in labels]
        for true, taken in pairs:
            matrix[true][taken] += 1
        return cls(labels=tuple(labels), matrix=tuple(map(tuple, matrix)))

    @property
    def accuracy(self) -> float:
        """The share of texts whose label was found."""
        whole = sum(map(sum, self.matrix))
        return sum(row[place] for place, row in enumerate(self.matrix)) / whole if whole else 0.0

    @property
    def macro_f1(self) -> float:
        """The mean of F1 over the labels that occur, each of the same weight."""
        found = [
            one.f1
            for place, one in enumerate(self.classes.values())
            if one.texts or any(row[place] for row in self.matrix)
        ]
        return sum(found) / len(found) if found else 0.0

    @property
    def classes(self) -> dict[str, Class]:
        """How each label did."""
        made = {}
        for place, label in enumerate(self.labels):
            right, texts = self.matrix[place][place], sum(self.matrix[place])
            taken = sum(row[place] for row in self.matrix)
            made[label] = Class(
                precision=right / taken if taken else 0.0,
                recall=right / texts if texts else 0.0,
                f1=2 * right / (texts + taken) if texts + taken else 0.0,
                texts=texts,
            )
        return made

    @property
    def confusion(self) -> dict[str, Any]:
        """The matrix, as a job's page draws it."""
        return {"labels": list(self.labels), "matrix": [list(row) for row in self.matrix]}

    def table(self) -> Table:
        """A table for a terminal: of each label its figures and what it was taken for."""
        from rich.table import Table

        table = Table(title=f"accuracy {self.accuracy:.1%}, macro-F1 {self.macro_f1:.1%}")
        table.add_column("true label")
        for name in ("precision", "recall", "F1", "texts"):
            table.add_column(name, justify="right")
        table.add_column("most taken for")
        for (label, one), row in zip(self.classes.items(), self.matrix, strict=True):
            others = sorted(
                (-count, other)
                for other, count in zip(self.labels, row, strict=True)
                if count and other != label
            )
            wrong = ", ".join(f"{other} {-count}" for count, other in others[:3])
            figures = (f"{value:.1%}" for value in (one.precision, one.recall, one.f1))
            table.add_row(label, *figures, str(one.texts), wrong)
        return table
