from __future__ import annotations

from html.parser import HTMLParser

from llmagentos.services.planner.page import render
from llmagentos.syscalls.plan import Candidate, Decision, PlanInfo, Step

STEP = Step(tool="look", arguments={"x": "<script>alert(1)</script>"}, expected="<img src=x>")


def plan(**fields: object) -> PlanInfo:
    candidates = [
        Candidate(steps=[STEP], answer=answer, logprob=-score * 8, tokens=8, score=-score, count=2)
        for answer, score in (("one", 0.1), ("two", 0.5))
    ]
    known: dict[str, object] = {
        "id": 3, "pid": 7, "task": "<b>do</b>", "strategy": "beam", "state": "succeeded",
        "started": 0.0, "ended": 2.0, "answer": "& done", "sources": ["a<b, page 1"],
        "decisions": [Decision(cause="start", candidates=candidates, chosen=1, taken=[STEP])],
    }  # fmt: skip
    return PlanInfo(**{**known, **fields})  # type: ignore[arg-type]


class Reader(HTMLParser):
    """Collects the tags and classes of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.classes: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.classes += [value for name, value in attrs if name == "class" and value]
        assert not {name for name, _ in attrs} & {"src", "href"}

    def handle_data(self, data: str) -> None:
        self.text += data


def test_what_models_and_tools_write_is_text_and_nothing_comes_from_elsewhere() -> None:
    page = Reader(render(plan()))
    assert "script" not in page.tags and "img" not in page.tags and "b" in page.tags
    for words in ("<b>do</b>", "& done", "a<b, page 1", "<img src=x>"):
        assert words in page.text


def test_chosen_candidate_is_marked_among_all() -> None:
    page = Reader(render(plan()))
    assert [one for one in page.classes if one.startswith("card")] == [
        "cards",
        "card",
        "card chosen",
    ]


def test_plan_that_failed_or_is_at_work_says_so() -> None:
    assert "no room" in render(plan(state="failed", answer=None, reason="no room"))
    assert "Still at work" in render(plan(state="running", answer=None, ended=None, decisions=[]))
    assert "does not tell" in render(plan(scored=False))
