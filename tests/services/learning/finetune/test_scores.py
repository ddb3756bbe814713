"""Figures of a classifier are those of scikit-learn."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from sklearn.metrics import accuracy_score, confusion_matrix, precision_recall_fscore_support

from llmagentos.services.learning.finetune.scores import Report

LABELS = ("ant", "bee", "cow", "dog")
places = st.integers(0, 3)


@given(st.lists(st.tuples(places, places), min_size=1, max_size=40))
def test_figures_are_those_of_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    report = Report.of(LABELS, pairs)
    true, taken = zip(*pairs, strict=True)
    assert report.confusion["matrix"] == confusion_matrix(true, taken, labels=range(4)).tolist()
    assert abs(report.accuracy - accuracy_score(true, taken)) < 1e-12
    wanted = precision_recall_fscore_support(true, taken, labels=range(4), zero_division=0)
    for place, one in enumerate(report.classes.values()):
        figures = one.precision, one.recall, one.f1, one.texts
        assert all(abs(a - b[place]) < 1e-12 for a, b in zip(figures, wanted, strict=True))
    macro = precision_recall_fscore_support(true, taken, average="macro", zero_division=0)[2]
    assert abs(report.macro_f1 - macro) < 1e-12


def test_a_table_tells_what_a_label_was_most_taken_for() -> None:
    report = Report.of(LABELS[:2], [(0, 0), (0, 1), (0, 1), (1, 1)])
    console = Console(width=100)
    with console.capture() as captured:
        console.print(report.table())
    text = captured.get()
    assert "accuracy 50.0%" in text and "bee 2" in text


def test_nothing_found_is_no_error() -> None:
    report = Report.of(LABELS, [])
    assert report.accuracy == report.macro_f1 == 0.0
