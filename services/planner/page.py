"""A plan as a page of HTML that stands by itself: no script, no font, nothing from elsewhere.

Interface:
    render          the page
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from html import escape
from typing import Any

from ...syscalls.plan import Candidate, Decision, PlanInfo, Step

#: Characters of a value or a result; the rest is in the plan itself.
SHOWN = 600
_CAUSES = {
    "start": "The beginning",
    "failure": "After a failure",
    "surprise": "After a surprise",
    "next": "Further on",
}
_STYLE = """
:root { --ink: #1c2330; --soft: #5b6576; --line: #d9dee7; --paper: #f6f7f9; --card: #fff;
  --good: #137a4b; --bad: #b3261e; --mark: #2457c5; --tint: #eaf0fd; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ef; --soft: #98a2b3; --line: #333b49;
  --paper: #14181f; --card: #1c222c; --good: #54c58d; --bad: #f28b82; --mark: #8ab0ff;
  --tint: #22304d; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 76rem; padding: 2rem 1.25rem 4rem; background: var(--paper);
  color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.4rem; margin: 0 0 .4rem; overflow-wrap: anywhere; }
h2 { font-size: 1.05rem; margin: 0; }
.soft { color: var(--soft); }
.facts { display: flex; flex-wrap: wrap; gap: .3rem 1.6rem; margin: .6rem 0 1.2rem; padding: 0; }
.facts div { white-space: nowrap; } .facts b { font-weight: 600; }
.answer, .card { background: var(--card); border: 1px solid var(--line); border-radius: 8px; }
.answer { padding: .9rem 1.1rem; border-left: 4px solid var(--good); }
.answer.failed { border-left-color: var(--bad); }
.answer p { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; }
.answer ul { margin: .5rem 0 0; padding-left: 1.2rem; color: var(--soft); }
ol.rounds { list-style: none; margin: 2rem 0 0; padding: 0 0 0 1.6rem;
  border-left: 2px solid var(--line); }
ol.rounds > li { position: relative; margin: 0 0 2rem; }
ol.rounds > li::before { content: ""; position: absolute; left: calc(-1.6rem - 8px); top: .35rem;
  width: 12px; height: 12px; border-radius: 50%; background: var(--mark);
  border: 2px solid var(--paper); }
li.failure::before, li.surprise::before { background: var(--bad) !important; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(16rem, 1fr)); gap: .8rem;
  margin: .7rem 0; }
.card { padding: .7rem .9rem; min-width: 0; }
.card.chosen { border-color: var(--mark); box-shadow: 0 0 0 1px var(--mark); }
.head { display: flex; justify-content: space-between; gap: .5rem; font-variant-numeric:
  tabular-nums; }
.tag { color: var(--mark); font-weight: 600; }
.bar { height: 6px; border-radius: 3px; background: var(--line); margin: .4rem 0 .6rem; }
.bar i { display: block; height: 100%; border-radius: 3px; background: var(--soft); }
.chosen .bar i { background: var(--mark); }
.steps { list-style: none; margin: 0; padding: 0; }
.steps li { padding: .3rem 0; border-top: 1px dashed var(--line); overflow-wrap: anywhere; }
.steps li:first-child { border-top: 0; }
code { font: 13px/1.45 ui-monospace, monospace; }
.result { color: var(--soft); white-space: pre-wrap; } .result.failed { color: var(--bad); }
.said { margin: .3rem 0 0; font-style: italic; overflow-wrap: anywhere; }
.taken { background: var(--tint); border-radius: 8px; padding: .6rem .9rem; }
"""


def render(plan: PlanInfo) -> str:
    """Return the page; everything in it that a model or a tool has written is text."""
    rounds = "".join(_round(place, one) for place, one in enumerate(plan.decisions, 1))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Plan {plan.id}</title><style>{_STYLE}</style></head><body>"
        f"<header><p class=soft>Plan {plan.id}</p><h1>{escape(plan.task)}</h1>{_facts(plan)}"
        f"{_answer(plan)}</header><ol class=rounds>{rounds}</ol></body></html>"
    )


def _facts(plan: PlanInfo) -> str:
    taken = sum(len(one.taken) for one in plan.decisions)
    began = datetime.fromtimestamp(plan.started, UTC)
    facts: dict[str, Any] = {
        "State": plan.state,
        "Strategy": plan.strategy,
        "Model": plan.model,
        "Rounds": len(plan.decisions),
        "Steps": taken,
        "Seconds": None if plan.ended is None else f"{plan.ended - plan.started:.1f}",
        "Score": None if plan.score is None else f"{plan.score:.4f}",
        "Confidence": None if plan.confidence is None else f"{plan.confidence:.0%}",
        "Judged": {True: "success", False: "no success", None: None}[plan.outcome],
        "Began": f"{began:%Y-%m-%d %H:%M} UTC",
    }
    shown = "".join(
        f"<div><span class=soft>{name}</span> <b>{escape(str(value))}</b></div>"
        for name, value in facts.items()
        if value is not None
    )
    note = "" if plan.scored else "<p class=soft>The model does not tell how likely its words are: "
    note += "" if plan.scored else "the most frequent sequence was taken.</p>"
    return f"<div class=facts>{shown}</div>{note}"


def _answer(plan: PlanInfo) -> str:
    if plan.state == "running":
        return "<div class=answer><p class=soft>Still at work.</p></div>"
    if plan.answer is None:
        return f'<div class="answer failed"><p>{escape(plan.reason or "no answer")}</p></div>'
    sources = "".join(f"<li>{escape(one)}</li>" for one in plan.sources)
    listed = f"<ul>{sources}</ul>" if sources else ""
    return f"<div class=answer><p>{escape(plan.answer)}</p>{listed}</div>"


def _round(place: int, decision: Decision) -> str:
    scores = [one.score for one in decision.candidates if one.score is not None]
    most = max((-score for score in scores), default=0.0)
    cards = "".join(
        _card(one, number == decision.chosen, most)
        for number, one in enumerate(decision.candidates)
    )
    taken = "".join(_step(step, step.result) for step in decision.taken)
    done = f"<div class=taken><b>Done</b><ul class=steps>{taken}</ul></div>" if taken else ""
    cause = _CAUSES.get(decision.cause, decision.cause)
    return (
        f'<li class="{escape(decision.cause)}"><h2>Round {place} '
        f"<span class=soft>· {escape(cause)}</span></h2><div class=cards>{cards}</div>{done}</li>"
    )


def _card(one: Candidate, chosen: bool, most: float) -> str:
    """A candidate; its bar is full for a certain one, short for the round's least likely."""
    width = 100.0 if one.score is None or not most else 100 * (1 + 0.96 * one.score / most)
    score = "unscored" if one.score is None else f"{one.score:.4f} nats per token"
    drawn = f" · drawn {one.count} times" if one.count > 1 else ""
    chance = "" if one.confidence is None else f" · {one.confidence:.0%} likely to succeed"
    steps = "".join(_step(step, step.expected) for step in one.steps)
    said = "" if one.answer is None else f"<p class=said>“{escape(_short(one.answer))}”</p>"
    tag = "<span class=tag>chosen</span>" if chosen else ""
    return (
        f'<section class="card{" chosen" if chosen else ""}">'
        f"<div class=head><span>{score}</span>{tag}</div>"
        f'<div class=bar><i style="width:{width:.1f}%"></i></div>'
        f"<div class=soft>{one.tokens} tokens{drawn}{chance}</div>"
        f"<ul class=steps>{steps}</ul>{said}</section>"
    )


def _step(step: Step, result: str | None) -> str:
    values = ", ".join(
        f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in step.arguments.items()
    )
    said = ""
    if result is not None:
        failed = " failed" if step.failed else ""
        said = f'<div class="result{failed}">→ {escape(_short(result))}</div>'
    return f"<li><code>{escape(step.tool)}({escape(_short(values))})</code>{said}</li>"


def _short(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
