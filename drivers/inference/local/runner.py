"""One forward pass over a packed batch of many contexts.

Interface:
    Runner          a model with its memory; `step`, `states`
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from . import attention, convolution, linear
from .backends.choice import choose
from .backends.contract import Backend
from .graphs import Graphs, Record
from .memory import Memory
from .plan import Plan, Span, Step
from .survey import survey


class Runner:
    """Owns a model and what its layers keep, all on the model's device. One thread."""

    def __init__(
        self,
        model: Any,
        *,
        pages: int,
        page_size: int | None = None,
        contexts: int,
        backend: str | Backend = "gather",
        record: Record | None = None,
    ) -> None:
        """Take a model over. The `backend`, or the one of a name (`choice`), attends, and says the
        `page_size` where nobody else does. With `record`, or on a GPU, steps of one token each are
        played from graphs.

        Raises `InvalidArgument` for a model that needs what the engine or the backend lacks.
        """
        self._model = model
        self._now = Step()
        needs = survey(model, self._now)
        self._now.backend = choose(backend, needs) if isinstance(backend, str) else backend
        device = model.get_input_embeddings().weight.device
        recorded = record is not None or (self._now.backend.graphs and device.type == "cuda")
        self.memory = Memory(
            pages=pages,
            page_size=page_size or self._now.backend.page_size,
            device=device,
            spare=recorded,
        )
        attention.register()
        model.config._attn_implementation = attention.NAME
        linear.pack(model)
        self._taps = convolution.adopt(model, self.memory, self._now, contexts)
        self._graphs: Graphs | None = None
        if recorded and self._taps == 1:
            said = getattr(model.config.get_text_config(), "max_position_embeddings", None)
            self._graphs = Graphs(
                self._logits,
                self.memory,
                self._now,
                self._now.backend,
                width=-(-(said or pages * self.memory.page_size) // self.memory.page_size),
                record=record,
            )

    def resize(self, pages: int) -> None:
        """Forget all pages and have so many from now on."""
        self.memory.resize(pages)
        if self._graphs is not None:
            self._graphs.clear()

    @torch.inference_mode()
    def step(self, spans: list[Span], tokens: list[int], keep: Tensor | None = None) -> Tensor:
        """Return the logits of each span's last token, [S, vocabulary], or of the tokens at `keep`,
        long integers [K], among all new ones: [K, vocabulary]; they may be valid until the next
        step.

        `tokens` are the spans' new tokens one after the other; spans stand in their `order`.
        """
        if keep is None and self._graphs is not None and self._graphs.fits(spans):
            logits = self._graphs.run(spans, tokens)
            if logits is not None:
                return logits
        plan = self._now.plan = Plan(spans, self.memory, self._taps)
        return self._logits(plan, self._given(tokens), keep)

    @torch.inference_mode()
    def states(self, spans: list[Span], tokens: list[int]) -> Tensor:
        """Return the last layer's states of all new tokens: [T, hidden]. As `step` otherwise."""
        plan = self._now.plan = Plan(spans, self.memory, self._taps)
        out = self._model.base_model(
            input_ids=self._given(tokens),
            position_ids=plan.positions.unsqueeze(0),
            use_cache=False,
        )
        states: Tensor = out.last_hidden_state[0]
        return states

    def _logits(self, plan: Plan, tokens: Tensor, keep: Tensor | None = None) -> Tensor:
        out = self._model(
            input_ids=tokens,
            position_ids=plan.positions.unsqueeze(0),
            use_cache=False,
            logits_to_keep=plan.last if keep is None else keep.to(plan.last.device),
        )
        logits: Tensor = out.logits[0]
        return logits

    def _given(self, tokens: list[int]) -> Tensor:
        return torch.tensor([tokens]).to(self.memory.device, non_blocking=True)
