"""One step of the model for all calls that are in it.

Interface:
    Outcome         what a step has given a call
    forward         runs the model; where a pass fails its calls do, and nobody else
"""

from __future__ import annotations

import traceback
from dataclasses import dataclass

import torch
from torch import Tensor

from .call import Call
from .plan import Span
from .runner import Runner
from .schedule import Chosen


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a step has given a call."""

    #: As the call's `advance` takes it.
    out: Tensor
    likeliest: int
    #: What convolutions kept at the end of each page that is full now.
    marks: list[Tensor]


def forward(
    runner: Runner, size: int, chosen: Chosen
) -> tuple[dict[Call, Outcome], dict[Call, Exception]]:
    """Run the model, whose pages hold `size` tokens; returns each call's outcome, or why it
    failed."""
    outcomes: dict[Call, Outcome] = {}
    failures: dict[Call, Exception] = {}
    for states in (False, True):
        part = [(call, span) for call, span in chosen if call.states is states]
        if not part:
            continue
        try:
            outcomes |= _pass(runner, size, part, states)
        except Exception as error:
            traceback.print_exc()
            failures |= {call: error for call, _ in part}
    for call, _ in chosen:
        if call not in outcomes:
            failures.setdefault(call, ArithmeticError("its logits are no numbers"))
    return outcomes, failures


def _pass(runner: Runner, size: int, chosen: Chosen, states: bool) -> dict[Call, Outcome]:
    """Run the model once; a call whose outcome is no numbers has none."""
    spans = [span for _, span in chosen]
    tokens = [
        one for call, span in chosen for one in call.context.tokens[span.table.length : span.length]
    ]
    rows = [span.count if states else call.rows(span) for call, span in chosen]
    if states:
        out = runner.states(spans, tokens)
    else:
        out = runner.step(spans, tokens, _kept(spans, rows))
    largest = out.max(dim=-1)
    # One number for each row, so that a GPU is waited for once.
    likeliest = largest.indices.where(largest.values.isfinite(), -1).tolist()
    marks = runner.memory.take_marks()
    found, end = dict[Call, Outcome](), 0
    for (call, span), wanted in zip(chosen, rows, strict=True):
        filled = span.length // size - span.table.length // size
        mine, marks = marks[:filled], marks[filled:]
        start, end = end, end + wanted
        if min(likeliest[start:end]) >= 0:
            found[call] = Outcome(out[start:end], likeliest[end - 1], mine)
    return found


def _kept(spans: list[Span], rows: list[int]) -> Tensor | None:
    """Return which of a step's tokens have logits that are wanted; None for each span's last."""
    if all(wanted == 1 for wanted in rows):
        return None
    kept, end = list[int](), 0
    for span, wanted in zip(spans, rows, strict=True):
        end += span.count
        kept += range(end - wanted, end)
    return torch.tensor(kept)
