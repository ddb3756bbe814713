"""Attention over pages, as transformers calls it in each layer.

A step is a packed batch [1, T] of many contexts; the plan says which token is whose.

Interface:
    NAME            what the function is registered as
    register        makes it known to transformers
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from .plan import Plan

#: No mask function is registered under it, so transformers makes no mask.
NAME = "llmagentos_paged"


def paged_attention(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    plan: Plan,
    scaling: float | None = None,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """Write new keys and values to their pages and attend to all that a context has.

    query [1, heads, T, dim], key and value [1, kv heads, T, dim] → [1, T, heads, dim].
    """
    memory, layer = plan.memory, module.layer_idx
    keys, values = memory.keys[layer], memory.values[layer]
    keys.index_copy_(0, plan.writes, key[0].transpose(0, 1))
    values.index_copy_(0, plan.writes, value[0].transpose(0, 1))
    grouped = query.shape[1] != key.shape[1]
    parts = []
    if plan.decoding:
        first = query[0, :, : plan.decoding].transpose(0, 1).unsqueeze(2)  # [B, heads, 1, dim]
        out = scaled_dot_product_attention(
            first,
            _paged(keys, plan, 0).transpose(1, 2),
            _paged(values, plan, 1).transpose(1, 2),
            attn_mask=plan.mask,
            scale=scaling,
            enable_gqa=grouped,
        )
        parts.append(out.squeeze(2))
    start = plan.decoding
    for row, span in plan.prefills:
        mine = query[:, :, start : start + span.count]
        mask = None
        if span.table.length:
            positions = torch.arange(len(row))
            mask = positions[None] <= positions[span.table.length :, None]
        out = scaled_dot_product_attention(
            mine,
            keys[row].transpose(0, 1).unsqueeze(0),
            values[row].transpose(0, 1).unsqueeze(0),
            attn_mask=mask,
            is_causal=mask is None,
            scale=scaling,
            enable_gqa=grouped,
        )
        parts.append(out[0].transpose(0, 1))
        start += span.count
    return torch.cat(parts).unsqueeze(0), None


def _paged(kept: Tensor, plan: Plan, place: int) -> Tensor:
    """Gather the decoding contexts' pages: [B, longest, kv heads, dim], valid until the next call.

    Whole pages are copied into memory that is used again and again: to get fresh memory of this
    size from the machine takes longer than to fill it.
    """
    pages = kept.view(-1, plan.memory.page_size * kept.shape[1] * kept.shape[2])
    scratch = plan.memory.scratch(place, len(plan.reads), pages)
    torch.index_select(pages, 0, plan.reads, out=scratch)
    return scratch.view(plan.decoding, -1, kept.shape[1], kept.shape[2])


def register() -> None:
    """Make the function known to transformers, once or again."""
    from transformers import AttentionInterface

    AttentionInterface.register(NAME, paged_attention)
