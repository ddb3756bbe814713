"""A job as a page of HTML that stands by itself: no script, no font, nothing from elsewhere.

Interface:
    render          the page
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from itertools import groupby
from typing import Any

from ...syscalls.learning import JobInfo, ModelCard, Point, Verdict
from .drawing import confusion, curve, number

#: Characters of a value, rows of samples; the rest is on the card.
SHOWN, SAMPLES = 600, 40
#: What tells most comes first.
_FIRST = ("loss", "reward", "return", "success", "accuracy")
_STYLE = """
:root { color-scheme: light dark; --ink: #1c2330; --soft: #5b6576; --line: #d9dee7;
  --paper: #f6f7f9; --card: #fff; --good: #137a4b; --bad: #b3261e; --mark: #2457c5;
  --tint: #eaf0fd; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ef; --soft: #98a2b3; --line: #333b49;
  --paper: #14181f; --card: #1c222c; --good: #54c58d; --bad: #f28b82; --mark: #8ab0ff;
  --tint: #22304d; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 76rem; padding: 2rem 1.25rem 4rem; background: var(--paper);
  color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0 0 .3rem; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 2.2rem 0 .7rem; }
h3 { font-size: .95rem; margin: 0 0 .3rem; display: flex; justify-content: space-between; gap: 1rem;
  flex-wrap: wrap; font-weight: 600; overflow-wrap: anywhere; }
h3 span, .soft { color: var(--soft); font-weight: 400; } p { margin: .3rem 0; }
.state { font-size: .8rem; font-weight: 600; padding: .15rem .6rem; border-radius: 99px;
  vertical-align: middle; color: var(--mark); background: var(--tint); white-space: nowrap; }
.succeeded { color: var(--good); } .failed, .lost { color: var(--bad); }
.facts { display: flex; flex-wrap: wrap; gap: .3rem 1.6rem; margin: .6rem 0; }
.facts div { white-space: nowrap; } .facts b { font-weight: 600; }
.bar { height: 8px; border-radius: 4px; background: var(--line); margin: .9rem 0; }
.bar i { display: block; height: 100%; border-radius: 4px; background: var(--mark); }
.reason { background: var(--card); border: 1px solid var(--line); border-radius: 8px;
  border-left: 4px solid var(--bad); padding: .7rem 1rem; overflow-wrap: anywhere; }
p.reason { color: inherit; } .reason.succeeded { border-left-color: var(--mark); }
.cards { display: grid; gap: .8rem; grid-template-columns: repeat(auto-fit, minmax(19rem, 1fr)); }
.pair { margin-bottom: .8rem; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 8px;
  padding: .9rem 1rem; min-width: 0; margin-bottom: .8rem; } .cards .card { margin: 0;
  max-width: 42rem; }
svg { display: block; width: 100%; height: auto; overflow: visible; }
svg text { font: 10.5px system-ui, sans-serif; fill: var(--soft);
  font-variant-numeric: tabular-nums; }
svg path { fill: none; } path.grid { stroke: var(--line); }
.since { stroke: var(--soft); stroke-dasharray: 3 4; }
.line { stroke: var(--mark); stroke-width: 1.8; stroke-linejoin: round; }
.raw { stroke: var(--mark); opacity: .28; } .last { fill: var(--mark); }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .25rem .9rem .25rem 0; vertical-align: top; }
th { color: var(--soft); font-weight: 500; } td { overflow-wrap: break-word; }
td.figure { white-space: nowrap; }
tr + tr > * { border-top: 1px solid var(--line); } .grid td.figure { text-align: right; }
.samples td { max-width: 30rem; white-space: pre-wrap; }
.confusion { margin-top: .4rem; } .confusion caption { text-align: left; white-space: nowrap;
  color: var(--soft); caption-side: bottom; padding-top: .4rem; }
.confusion tr + tr > *, .confusion td { border: 2px solid var(--card); }
.confusion td { text-align: center; min-width: 2.6rem; padding: .35rem .4rem; border-radius: 6px;
  background: color-mix(in srgb, var(--hue) calc(var(--part) * 100%), var(--paper)); }
.confusion th { padding: .25rem .5rem; white-space: nowrap; }
.confusion tr:first-child th { max-width: 8rem; overflow: hidden; text-overflow: ellipsis; }
.confusion tr:first-child td { background: none; } .right { --hue: var(--good); }
.wrong { --hue: var(--bad); } .strong { color: var(--card); font-weight: 600; }
pre { background: var(--card); border: 1px solid var(--line); border-radius: 8px; margin: 0;
  padding: .8rem 1rem; overflow-x: auto; font: 13px/1.5 ui-monospace, monospace; }
.passed { color: var(--good); font-weight: 600; } .kept { color: var(--bad); font-weight: 600; }
"""


def render(job: JobInfo, points: Iterable[Point], cards: Iterable[ModelCard]) -> str:
    """Return the page; everything in it that a recipe or a model has written is text.

    `points` are the curves, by name and step; `cards` the models that the job made or judged.
    """
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Job {job.id}: {escape(job.name)}</title><style>{_STYLE}</style></head><body>"
        f"{_head(job)}{_curves(job, points)}{''.join(map(_card, cards))}"
        f"<h2>Recipe</h2><pre>{escape(_json(job.recipe))}</pre></body></html>"
    )


def _head(job: JobInfo) -> str:
    began = datetime.fromtimestamp(job.started, UTC)
    steps = f"{job.step:,}" if job.total is None else f"{job.step:,} of {job.total:,}"
    facts = {
        "Kind": job.kind,
        "Steps": steps,
        "Gone on from": f"step {job.since:,}" if job.since else None,
        "Time": _duration((job.ended or time.time()) - job.started),
        "Process": job.pid,
        "Began": f"{began:%Y-%m-%d %H:%M} UTC",
    }
    done = 100.0 * min(job.step / job.total, 1) if job.total else 100.0
    bar = f'<div class="bar"><i style="width:{done:.1f}%"></i></div>'
    reason = "" if job.reason is None else f'<p class="reason {job.state}">{escape(job.reason)}</p>'
    return (
        f'<header><p class="soft">Job {job.id}</p><h1>{escape(job.name)} '
        f'<span class="state {job.state}">{job.state}</span></h1>{_facts(facts)}{bar}{reason}'
        "</header>"
    )


def _curves(job: JobInfo, points: Iterable[Point]) -> str:
    by_name = {name: list(each) for name, each in groupby(points, key=lambda one: one.name)}
    if not by_name:
        return ""

    def place(name: str) -> tuple[int, str]:
        found = (at for at, word in enumerate(_FIRST) if word in name)
        return next(found, len(_FIRST)), name

    drawn = "".join(
        f'<figure class="card" style="margin:0"><h3>{escape(name)}'
        f"<span>{_course(by_name[name])}</span></h3>"
        f"{curve(name, [(one.step, one.value) for one in by_name[name]], job.total, job.since)}"
        "</figure>"
        for name in sorted(by_name, key=place)
        if len(by_name[name]) > 1
    )
    single = {name: each[0].value for name, each in by_name.items() if len(each) == 1}
    curves = f'<h2>Curves</h2><div class="cards">{drawn}</div>' if drawn else ""
    return curves + (f"<h2>Figures</h2>{_table('', single)}" if single else "")


def _course(points: Sequence[Point]) -> str:
    return f"{number(points[0].value)} → {number(points[-1].value)}"


def _card(card: ModelCard) -> str:
    facts = {
        "Kind": card.kind,
        "Parameters": f"{card.parameters:,}",
        "Parent": card.parent,
        "Version": card.version[:12],
    }
    grids = {name: one for name, one in card.data.items() if _tabular(one)}
    known = {"confusion", "samples", *grids}
    data = {name: one for name, one in card.data.items() if name not in known}
    both = f"{_table('Scores', card.scores)}{_table('Data', data)}"
    parts = [
        _facts(facts),
        f'<div class="cards pair">{both}</div>' if both else "",
        _verdicts(card.verdicts),
        *(_titled(escape(name.capitalize()), _rows(one)) for name, one in grids.items()),
        _titled("Confusion", confusion(card.data.get("confusion"))),
        _titled("Samples", _samples(card.data.get("samples"))),
    ]
    return f"<h2>Model {escape(card.name)}</h2>{''.join(parts)}"


def _facts(facts: Mapping[str, Any]) -> str:
    shown = "".join(
        f'<div><span class="soft">{name}</span> <b>{escape(str(value))}</b></div>'
        for name, value in facts.items()
        if value not in (None, "")
    )
    return f'<div class="facts">{shown}</div>'


def _table(title: str, values: Mapping[str, Any]) -> str:
    rows = "".join(
        f"<tr><th>{escape(str(name))}</th>{_cell(value)}</tr>" for name, value in values.items()
    )
    return _titled(title, f'<div class="wide"><table>{rows}</table></div>' if rows else "")


def _titled(title: str, body: str) -> str:
    head = f"<h3>{title}</h3>" if title else ""
    return f'<section class="card">{head}{body}</section>' if body else ""


def _verdicts(verdicts: Sequence[Verdict]) -> str:
    heads = ("Suite", "Beside", "Tasks", "Solved", "Before", "Won", "Lost", "p", "Gate")
    rows = "".join(
        "<tr>"
        + "".join(
            _cell(value)
            for value in (
                one.suite, one.baseline.rpartition("/")[2], one.tasks, one.solved,
                one.baseline_solved, one.won, one.lost, one.p,
            )
        )
        + (
            '<td class="passed">passed</td>'
            if one.passed
            else f'<td class="kept">{escape(one.reason or "kept out")}</td>'
        )
        + "</tr>"
        for one in verdicts
    )  # fmt: skip
    return _titled("Verdicts", _grid(heads, rows) if rows else "")


def _tabular(said: Any) -> bool:
    """Whether a value of a card is a table of figures, a row for each of its names."""
    return (
        isinstance(said, dict)
        and bool(said)
        and all(
            isinstance(row, dict) and all(isinstance(one, (int, float)) for one in row.values())
            for row in said.values()
        )
    )


def _rows(said: Mapping[str, Mapping[str, float]]) -> str:
    heads = list(dict.fromkeys(str(name) for row in said.values() for name in row))
    rows = "".join(
        f"<tr><th>{escape(str(title))}</th>{''.join(_cell(row.get(name, '')) for name in heads)}"
        "</tr>"
        for title, row in said.items()
    )
    return _grid(["", *heads], rows)


def _samples(said: Any) -> str:
    """Return samples, a list of tables or of texts, as one table."""
    if not isinstance(said, list):
        return ""
    rows = [one if isinstance(one, dict) else {"": one} for one in said[:SAMPLES]]
    heads = list(dict.fromkeys(str(name) for row in rows for name in row))
    cells = "".join(
        f"<tr>{''.join(_cell(row.get(name, '')) for name in heads)}</tr>" for row in rows
    )
    return _grid(heads, cells, "samples") if rows else ""


def _grid(heads: Iterable[str], rows: str, kind: str = "") -> str:
    head = "".join(f"<th>{escape(one)}</th>" for one in heads)
    return f'<div class="wide"><table class="grid {kind}"><tr>{head}</tr>{rows}</table></div>'


def _cell(value: Any) -> str:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return f'<td class="figure">{number(value)}</td>'
    text = value if isinstance(value, str) else _json(value, None)
    return f"<td>{escape(text if len(text) <= SHOWN else f'{text[:SHOWN]}…')}</td>"


def _json(value: Any, indent: int | None = 2) -> str:
    return json.dumps(value, indent=indent, ensure_ascii=False, default=str)


def _duration(seconds: float) -> str:
    whole = max(round(seconds), 0)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    parts = [(hours, "h"), (minutes, "min"), (rest, "s")]
    shown = [f"{one} {unit}" for one, unit in parts if one]
    return " ".join(shown[:2]) or "0 s"
