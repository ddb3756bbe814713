"""Attention over pages, as transformers calls it in each layer.

A step is a packed batch [1, T] of many contexts; the plan says which token is whose, and a backend
attends.

Interface:
    NAME            what the function is registered as
    Layer           what an attention layer needs to know of itself, and of the step
    register        makes it known to transformers
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from .backends.contract import Form
from .plan import Step

#: No mask function is registered under it, so transformers makes no mask.
NAME = "llmagentos_paged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """What an attention layer needs to know of itself, and of the step; it lies in the layer's
    module as `paged`, for not every model passes on what it is called with."""

    step: Step
    #: Whose keys and values it reads; several may share one layer's.
    kept: int
    #: Whether they are its own, which it writes.
    writes: bool
    #: How many tokens each one sees, itself included; None for all before it.
    window: int | None


def paged_attention(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    scaling: float | None = None,
    softcap: float | None = None,
    s_aux: Tensor | None = None,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """Write new keys and values to their pages and attend to what each token sees of its context.

    query [1, heads, T, dim], key and value [1, kv heads, T, dim] → [1, T, heads, dim]; values may
    be of another dim. `softcap` bounds scores smoothly; `s_aux` [heads] are sinks, scores of a key
    without a value.
    """
    layer: Layer = module.paged
    plan = layer.step.plan
    keys, values = plan.memory.pages(layer.kept, key, value)
    if layer.writes:
        keys.index_copy_(0, plan.writes, key[0].transpose(0, 1))
        values.index_copy_(0, plan.writes, value[0].transpose(0, 1))
    form = Form(window=layer.window, scaling=scaling, softcap=softcap)
    out = layer.step.backend.attend(query[0].transpose(0, 1), keys, values, plan, form, s_aux)
    return out.unsqueeze(0).to(query.dtype), None


def register() -> None:
    """Make the function known to transformers, once or again."""
    from transformers import AttentionInterface

    AttentionInterface.register(NAME, paged_attention)
