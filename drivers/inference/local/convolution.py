"""The short convolution of LFM2 over a packed batch: each context keeps its last inputs.

Interface:
    adopt           replaces the forward of each convolution of a model
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor

from .memory import Memory
from .plan import Step


def adopt(model: Any, memory: Memory, step: Step, contexts: int) -> int:
    """Let every convolution of a model work on packed batches, for so many contexts.

    Returns how many inputs one output needs; 1 for a model without convolutions.
    """
    taps = 1
    for module in model.modules():
        if type(module).__name__.endswith("ShortConv"):
            weight = module.conv.weight  # [channels, 1, taps]
            taps = max(taps, weight.shape[2])
            memory.inputs[module.layer_idx] = torch.zeros(
                contexts,
                weight.shape[2] - 1,
                weight.shape[0],
                dtype=weight.dtype,
                device=weight.device,
            )
            module.forward = partial(_forward, module, step)
    return taps


def _forward(module: Any, step: Step, hidden_states: Tensor, **kwargs: Any) -> Tensor:
    """hidden_states [1, T, channels] → the same shape."""
    plan = step.plan
    before, after, mixed = module.in_proj(hidden_states)[0].chunk(3, dim=-1)
    kept = plan.memory.inputs[module.layer_idx]
    fresh = (before * mixed).split(plan.counts)
    old = kept[plan.slots]
    buffer = torch.cat([part for pair in zip(old, fresh, strict=True) for part in pair])
    kept[plan.slots] = buffer[plan.tails]
    plan.memory.marks[module.layer_idx] = buffer[plan.marks]
    weights = module.conv.weight[:, 0].T  # [taps, channels]
    mixed = (buffer[plan.windows] * weights).sum(1)
    if module.conv.bias is not None:
        mixed = mixed + module.conv.bias
    out: Tensor = module.out_proj(after * mixed)
    return out.unsqueeze(0)
