"""One forward pass over a packed batch of many contexts.

Interface:
    Runner          a model with its memory; `step`
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from . import attention, convolution
from .memory import Memory
from .plan import Plan, Span


class Runner:
    """Owns a model and what its layers keep. One thread."""

    def __init__(self, model: Any, *, pages: int, page_size: int, contexts: int) -> None:
        self._model = model
        self.memory = Memory(pages=pages, page_size=page_size)
        attention.register()
        model.config._attn_implementation = attention.NAME
        self._taps = convolution.adopt(model, self.memory, contexts)

    @torch.inference_mode()
    def step(self, spans: list[Span], tokens: list[int]) -> Tensor:
        """Return the logits of each span's last token: [S, vocabulary].

        `tokens` are the spans' new tokens one after the other; spans stand in their `order`.
        """
        plan = Plan(spans, self.memory, self._taps)
        out = self._model(
            input_ids=torch.tensor([tokens]),
            position_ids=plan.positions.unsqueeze(0),
            use_cache=False,
            logits_to_keep=plan.last,
            plan=plan,
        )
        logits: Tensor = out.logits[0]
        return logits
