"""One forward pass over a packed batch of many contexts.

Interface:
    Runner          a model with its memory; `step`
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from . import attention, convolution
from .plan import Memory, Plan, Span


class Runner:
    """Owns a model and what its layers keep. One thread."""

    def __init__(self, model: Any, *, pages: int, page_size: int, contexts: int) -> None:
        self._model = model
        self._taps = convolution.taps(model.config)
        self.memory = Memory(page_size)
        attention.register()
        model.config._attn_implementation = attention.NAME
        convolution.adopt(model, self.memory, contexts)
        for module in model.modules():
            if hasattr(module, "k_proj") and hasattr(module, "layer_idx"):
                shape = (pages * page_size, _kv_heads(model.config), module.head_dim)
                weight = module.k_proj.weight
                self.memory.keys[module.layer_idx] = torch.zeros(shape, dtype=weight.dtype)
                self.memory.values[module.layer_idx] = torch.zeros(shape, dtype=weight.dtype)

    @torch.inference_mode()
    def step(self, spans: list[Span], tokens: list[int]) -> Tensor:
        """Return the logits of each span's last token: [S, vocabulary].

        `tokens` are the spans' new tokens one after the other; spans of one token come first.
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

    def forget(self, slot: int) -> None:
        """Clear a context's place in the convolutions' memory for the next one."""
        for inputs in self.memory.inputs.values():
            inputs[slot] = 0


def _kv_heads(config: Any) -> int:
    return int(getattr(config, "num_key_value_heads", None) or config.num_attention_heads)
