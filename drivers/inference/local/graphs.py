"""Steps of one token each, recorded and played again, so that a GPU waits for no Python.

A graph is what a GPU did in one step; it does the same again, with whatever lies in the same places
by then. So there is one for each of a few numbers of contexts, with a plan whose tensors stay; a
step is filled up to the next number with tokens that nobody reads, in the memory's spare page.

Interface:
    Graphs          `run` a step; `clear` them when the memory is another
    BUCKETS         the numbers of contexts
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .backends.contract import Backend
from .memory import Memory
from .pager import PageTable
from .plan import Plan, Span, Step

_HOST = torch.device("cpu")
BUCKETS = (1, 2, 4, 8, 16, 24, 32, 48, 64, 96, 128, 192, 256)
#: Returns what plays a step again, and where its outcome lies.
Record = Callable[[Callable[[], Tensor]], tuple[Callable[[], None], Tensor]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Graph:
    plan: Plan
    #: [1, contexts]
    tokens: Tensor
    play: Callable[[], None]
    #: [contexts, vocabulary]: written anew each time.
    logits: Tensor


class Graphs:
    """One model's graphs, each recorded when it is first needed."""

    def __init__(
        self,
        forward: Callable[[Plan, Tensor], Tensor],
        memory: Memory,
        step: Step,
        backend: Backend,
        *,
        width: int,
        record: Record | None = None,
    ) -> None:
        """`forward` returns the logits of a plan's tokens [1, contexts]. No context has more pages
        than `width`. `record` is another way to play a step again than that of CUDA."""
        self._forward = forward
        self._memory = memory
        self._step = step
        self._backend = backend
        self._width = width
        self._given = record
        self._record = record or Recorder(memory.device).record
        self._graphs: dict[int, _Graph] = {}
        self._refused = False

    def fits(self, spans: list[Span]) -> bool:
        """Say whether a step can be played."""
        return (
            not self._refused
            and len(spans) <= BUCKETS[-1]
            and all(span.count == 1 for span in spans)
            and all(len(span.table.pages) <= self._width for span in spans)
        )

    def run(self, spans: list[Span], tokens: list[int]) -> Tensor | None:
        """Return the logits of a step [contexts, vocabulary], valid until the next one; None for a
        model that cannot be recorded."""
        count = next(one for one in BUCKETS if one >= len(spans))
        nobody = Span(table=PageTable([self._memory.spare]), count=1, slot=-1)
        filled = [nobody] * (count - len(spans)) + spans
        given = torch.tensor([[0] * (count - len(spans)) + tokens])
        graph = self._graphs.get(count)
        width, device = (self._width, None) if graph is None else (0, _HOST)
        plan = Plan(filled, self._memory, 1, fixed=True, width=width, device=device)
        if graph is None:
            graph = self._recorded(plan, given.to(self._memory.device))
            if graph is None:
                return None
            self._graphs[count] = graph
        else:
            graph.plan.take(plan)
            graph.tokens.copy_(given)
            self._backend.renew(graph.plan)
        self._step.plan = graph.plan
        graph.play()
        return graph.logits[count - len(spans) :]

    def clear(self) -> None:
        """Forget all graphs: what they read has moved."""
        self._graphs.clear()
        # Memory that graphs share is gone with the last of them.
        self._record = self._given or Recorder(self._memory.device).record

    def _recorded(self, plan: Plan, tokens: Tensor) -> _Graph | None:
        self._step.plan = plan
        try:
            play, logits = self._record(lambda: self._forward(plan, tokens))
        except RuntimeError as error:  # a model that asks its own tensors what to do next
            print(f"steps are not recorded: {error}", file=sys.stderr)
            self._refused = True
            return None
        return _Graph(plan=plan, tokens=tokens, play=play, logits=logits)


class Recorder:
    """Records by CUDA graphs, all of which share their memory: no two are played at once."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._pool: Any = None

    def record(self, work: Callable[[], Tensor]) -> tuple[Callable[[], None], Tensor]:
        """Return what does the same work again, and the tensor that it is written to."""
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.device(self._device):
            aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
            aside.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(aside):
                for _ in range(2):  # libraries choose and make ready what they need
                    work()
            torch.cuda.current_stream().wait_stream(aside)
            with torch.cuda.graph(graph, pool=self._pool):
                out = work()
        self._pool = self._pool or graph.pool()
        return graph.replay, out
