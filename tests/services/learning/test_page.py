from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmagentos.services.learning.drawing import confusion, curve, ticks
from llmagentos.services.learning.page import render
from llmagentos.syscalls.learning import JobInfo, ModelCard, Point, Verdict

EVIL = "<script>alert('1')</script>"
JOB = JobInfo(
    id=3, pid=7, name=EVIL, kind="finetune", state="failed", recipe={"name": EVIL}, step=5,
    total=10, started=0.0, ended=75.0, reason=EVIL, since=2,
)  # fmt: skip
CARD = ModelCard(
    name=EVIL, target="hf:x", kind=EVIL, parent=EVIL, job=3, recipe={}, scores={EVIL: 0.5},
    data={EVIL: EVIL, "classes": {EVIL: {EVIL: 0.5}},
          "confusion": {"labels": [EVIL, "b"], "matrix": [[3, 1], [0, 2]]},
          "samples": [{EVIL: EVIL}, {"other": 4}]},
    parameters=1234, version="abcd", created=1.0,
    verdicts=[
        Verdict(suite=EVIL, baseline=EVIL, tasks=9, solved=5, baseline_solved=4, won=2, lost=1,
                p=0.5, passed=False, reason=EVIL)
    ],
)  # fmt: skip


def points(name: str, *values: float) -> list[Point]:
    return [Point(step=step, time=0.0, name=name, value=one) for step, one in enumerate(values)]


class Outline(HTMLParser):
    """Which elements stand in a page, whether they are closed, and all attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        self.open: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes += attrs
        if tag not in ("meta",):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def outline(page: str) -> Outline:
    found = Outline()
    found.feed(page)
    found.close()
    assert found.open == []
    return found


def test_page_stands_by_itself_and_holds_no_markup_of_a_stranger() -> None:
    page = render(JOB, points(EVIL, 1.0, 2.0), [CARD])
    found = outline(page)
    assert {"svg", "table", "pre"} <= set(found.names)
    assert not {"script", "link", "img", "iframe"} & set(found.names)
    assert not [name for name, _ in found.attributes if name in ("src", "href")]
    assert not [name for name, _ in found.attributes if name.startswith("on")]
    assert "url(" not in page and "@import" not in page


def test_page_says_how_the_job_is() -> None:
    page = render(replace(JOB, name="small", reason="no data"), [], [])
    assert all(one in page for one in ("small", "no data", "failed", "5 of 10", "1 min 15 s"))
    assert "step 2" in page
    running = render(replace(JOB, state="running", total=None, ended=None), [], [])
    assert "running" in running


def test_one_value_is_a_figure_and_more_are_a_curve() -> None:
    page = render(JOB, [*points("seconds", 12.5), *points("loss", 3.0, 2.0)], [])
    assert page.count("<svg") == 1 and "12.5" in page and "3 → 2" in page


def test_noisy_curve_is_smoothed_over_itself() -> None:
    assert 'class="raw"' not in curve("loss", [(n, n % 3) for n in range(50)])
    drawn = curve("loss", [(n, n % 3) for n in range(500)])
    assert 'class="raw"' in drawn and 'class="line"' in drawn


@given(
    st.lists(
        st.tuples(st.integers(0, 10**9), st.floats(-1e12, 1e12, allow_subnormal=False)),
        min_size=1, max_size=20, unique_by=lambda one: one[0],
    ),
    st.none() | st.integers(0, 10**9),
)  # fmt: skip
def test_every_curve_is_drawn_within_its_picture(
    values: list[tuple[int, float]], total: int | None
) -> None:
    drawn = curve("x", sorted(values), total)
    outline(drawn)
    assert "nan" not in drawn and "inf" not in drawn
    [line] = re.findall(r'class="line" d="M([^"]*)"', drawn)
    for place in line.split("L"):
        x, y = map(float, place.split())
        assert 0 <= x <= 420 and 0 <= y <= 190


@given(st.floats(-1e9, 1e9), st.floats(1e-6, 1e9), st.integers(1, 8))
def test_ticks_are_round_few_and_enclose_what_they_are_for(
    low: float, width: float, most: int
) -> None:
    found = ticks(low, low + width, most)
    size = max(abs(low), width)
    assert 2 <= len(found) <= 2 * most + 3
    assert found[0] <= low + 1e-6 * size and found[-1] >= low + width - 1e-6 * size


@pytest.mark.parametrize(
    "said",
    [
        None, 5, {}, {"labels": [], "matrix": []}, {"labels": ["a"], "matrix": [[1, 2]]},
        {"labels": ["a", "b"], "matrix": [[1, 2]]}, {"labels": ["a"], "matrix": [["x"]]},
        {"labels": ["a"], "matrix": [[-1]]}, {"labels": ["a"], "matrix": 4},
    ],
)  # fmt: skip
def test_what_is_no_table_of_confusion_is_not_drawn(said: Any) -> None:
    assert confusion(said) == ""
    render(JOB, [], [replace(CARD, data={"confusion": said, "samples": said})])


def test_confusion_says_which_part_was_taken_for_what() -> None:
    drawn = confusion({"labels": ["a", "b"], "matrix": [[3, 1], [0, 2]]})
    assert 'title="a taken for b: 25.0%"' in drawn and 'title="b taken for b: 100.0%"' in drawn
