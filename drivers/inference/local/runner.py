"""One forward pass over a packed batch of many contexts.

Interface:
    Runner          a model with its memory; `step`, `states`
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from . import attention, convolution, linear
from .memory import Memory
from .plan import Plan, Span, Step
from .survey import survey


class Runner:
    """Owns a model and what its layers keep. One thread."""

    def __init__(self, model: Any, *, pages: int, page_size: int, contexts: int) -> None:
        """Take a model over. Raises `InvalidArgument` for one that needs what the engine lacks."""
        self._model = model
        self.memory = Memory(pages=pages, page_size=page_size)
        self._now = Step()
        survey(model, self._now)
        attention.register()
        model.config._attn_implementation = attention.NAME
        linear.pack(model)
        self._taps = convolution.adopt(model, self.memory, self._now, contexts)

    @torch.inference_mode()
    def step(self, spans: list[Span], tokens: list[int], keep: Tensor | None = None) -> Tensor:
        """Return the logits of each span's last token, [S, vocabulary], or of the tokens at `keep`,
        long integers [K], among all new ones: [K, vocabulary].

        `tokens` are the spans' new tokens one after the other; spans stand in their `order`.
        """
        plan = self._now.plan = Plan(spans, self.memory, self._taps)
        out = self._model(
            input_ids=torch.tensor([tokens]),
            position_ids=plan.positions.unsqueeze(0),
            use_cache=False,
            logits_to_keep=plan.last if keep is None else keep,
        )
        logits: Tensor = out.logits[0]
        return logits

    @torch.inference_mode()
    def states(self, spans: list[Span], tokens: list[int]) -> Tensor:
        """Return the last layer's states of all new tokens: [T, hidden]. As `step` otherwise."""
        plan = self._now.plan = Plan(spans, self.memory, self._taps)
        out = self._model.base_model(
            input_ids=torch.tensor([tokens]),
            position_ids=plan.positions.unsqueeze(0),
            use_cache=False,
        )
        states: Tensor = out.last_hidden_state[0]
        return states
