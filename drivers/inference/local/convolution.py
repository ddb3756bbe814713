"""The short convolution of LFM2 over a packed batch: each context keeps its last inputs.

Interface:
    taps            how many inputs one output needs; 1 for a model without convolutions
    adopt           replaces the forward of each convolution of a model
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor

from .plan import Memory, Plan


def taps(config: Any) -> int:
    """Return the width of a model's convolutions."""
    return int(getattr(config, "conv_L_cache", 1)) if config.model_type == "lfm2" else 1


def adopt(model: Any, memory: Memory, contexts: int) -> None:
    """Let every convolution of a model work on packed batches, for so many contexts."""
    for module in model.modules():
        if type(module).__name__ == "Lfm2ShortConv":
            width = module.conv_kernel_size - 1
            memory.inputs[module.layer_idx] = torch.zeros(
                contexts, width, module.config.hidden_size, dtype=module.conv.weight.dtype
            )
            module.forward = partial(_forward, module)


def _forward(module: Any, hidden_states: Tensor, *, plan: Plan, **kwargs: Any) -> Tensor:
    """hidden_states [1, T, channels] → the same shape."""
    before, after, mixed = module.in_proj(hidden_states)[0].chunk(3, dim=-1)
    kept = plan.memory.inputs[module.layer_idx]
    fresh = (before * mixed).split(plan.counts)
    old = kept[plan.slots]
    buffer = torch.cat([part for pair in zip(old, fresh, strict=True) for part in pair])
    kept[plan.slots] = buffer[plan.tails]
    weights = module.conv.weight[:, 0].T  # [taps, channels]
    mixed = (buffer[plan.windows] * weights).sum(1)
    if module.conv.bias is not None:
        mixed = mixed + module.conv.bias
    out: Tensor = module.out_proj(after * mixed)
    return out.unsqueeze(0)
