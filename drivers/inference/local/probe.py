"""Proof that the engine gives a model's own logits, taken each time that a model is loaded.

What a model's attention does is known to its code alone; names of features are never complete, and
greedy tokens can be right while logits are wrong. So two prompts of different length are read in
pieces, one of them written on while the other is read, and compared with the model untouched.

Interface:
    Probe           takes the untouched model's logits; `check` compares
    proved          a runner that gives them
"""

from __future__ import annotations

import sys
from typing import Any

import torch
from torch import Tensor

from ....syscalls.errors import InvalidArgument
from . import linear
from .backends.choice import candidates
from .pager import Pager, PageTable
from .plan import Span
from .runner import Runner

#: Each step's tokens of the first and of the second prompt.
STEPS = ((3, 16), (1, 1), (1, 18), (0, 1), (0, 1))
#: Pages that the prompts take together, whatever the size of a page.
PAGES = 48
#: The largest difference of any logit, in units of the logits' own spread; else, where rounding is
#: coarse, that of a token's logits in the mean.
TOLERANCE, COARSE = 1e-3, 1e-1


class Probe:
    """Made before a `Runner` adopts the model; `check` is called once, with all pages free."""

    @torch.inference_mode()
    def __init__(self, model: Any) -> None:
        self._name = model.config.model_type
        source = torch.Generator().manual_seed(0)
        most = model.get_input_embeddings().num_embeddings
        lengths = [sum(counts) for counts in zip(*STEPS, strict=True)]
        self._prompts = [torch.randint(most, (n,), generator=source).tolist() for n in lengths]
        device = model.get_input_embeddings().weight.device
        self._wanted = [
            model(input_ids=torch.tensor([prompt], device=device), use_cache=False)
            .logits[0]
            .float()
            for prompt in self._prompts
        ]
        if any(bool(one.isnan().any()) for one in self._wanted):
            raise InvalidArgument(f"{self._name}: its weights give no numbers")
        dtype = next(model.parameters()).dtype
        self._coarse = dtype != torch.float32 or linear.quantised(model)

    def check(self, runner: Runner) -> None:
        """Raise `InvalidArgument` where the runner's logits are not the model's."""
        try:
            apart = self._compared(runner)
        except Exception as error:  # a model's own code, fed with what it may not expect
            raise InvalidArgument(self._refusal()) from error
        most = COARSE if self._coarse else TOLERANCE
        if not all(one <= most for one in apart):  # also for NaN
            raise InvalidArgument(self._refusal())

    def _compared(self, runner: Runner) -> list[float]:
        """Return the differences that the steps' last tokens show."""
        pager = Pager(PAGES, runner.memory.page_size)
        tables = [PageTable() for _ in self._prompts]
        apart = []
        for counts in STEPS:
            spans = []
            for slot, (table, count) in enumerate(zip(tables, counts, strict=True)):
                if count:
                    pager.allocate(table, table.length + count)
                    spans.append(Span(table=table, count=count, slot=slot))
            spans.sort(key=lambda span: span.order)
            tokens = [t for s in spans for t in self._prompts[s.slot][s.table.length : s.length]]
            logits = runner.step(spans, tokens)
            for span, found in zip(spans, logits, strict=True):
                wanted = self._wanted[span.slot][span.length - 1]
                # Asked for at once: what a GPU's next step is laid out by is written over.
                apart.append(float(self._apart(wanted, found)))
                span.table.length = span.length
        for slot in range(len(tables)):
            runner.memory.forget(slot)
        return apart

    def _apart(self, wanted: Tensor, found: Tensor) -> Tensor:
        """Return the difference in units of the spread; some models rule tokens out."""
        possible = wanted > torch.finfo(torch.float32).min / 2
        apart = (wanted - found.float())[possible]
        apart = apart.square().mean().sqrt() if self._coarse else apart.abs().max()
        return apart / wanted[possible].std()

    def _refusal(self) -> str:
        return f"{self._name}: its attention is not one that the engine reproduces"


def proved(model: Any, attention: str, contexts: int) -> Runner:
    """Return a runner that gives a model's own logits, with room for `PAGES`. What attends, by the
    name `attention`, is tried in turn where that stands for several.

    Raises `InvalidArgument` where none does.
    """
    names = candidates(attention, model.get_input_embeddings().weight.device.type)
    probe = Probe(model)
    for name in names:
        try:
            runner = Runner(model, pages=PAGES, contexts=contexts, backend=name)
            probe.check(runner)
        except InvalidArgument as error:
            if name == names[-1]:
                raise
            print(f"{name} is passed over: {error.message}", file=sys.stderr)
        else:
            return runner
    raise AssertionError("there is always one that is tried last")
