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
#: What changes attention's outcome and is not done here.
MISSING = ("sliding_window", "softcap", "s_aux", "position_bias")


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

    query [1, heads, T, dim], key and value [1, kv heads, T, dim] → [1, T, heads, dim]. Raises
    `NotImplementedError` for a kind of attention that is not this one.
    """
    if wanted := [one for one in MISSING if kwargs.get(one) is not None]:
        raise NotImplementedError(f"attention with {', '.join(wanted)}")
    keys, values = plan.memory.pages(module.layer_idx, key, value)
    keys.index_copy_(0, plan.writes, key[0].transpose(0, 1))
    values.index_copy_(0, plan.writes, value[0].transpose(0, 1))
    grouped = query.shape[1] != key.shape[1]
    parts = []
    for reads in plan.reads:
        first = query[0, :, reads.start : reads.stop].transpose(0, 1).unsqueeze(2)
        out = scaled_dot_product_attention(
            first,  # [B, heads, 1, dim]
            _paged(keys, plan, reads.pages, 0, len(first)),
            _paged(values, plan, reads.pages, 1, len(first)),
            attn_mask=reads.mask,
            scale=scaling,
            enable_gqa=grouped,
        )
        parts.append(out.squeeze(2))
    start = plan.decoding
    for rows, span in plan.prefills:
        mine = query[:, :, start : start + span.count]
        mask = None
        if span.table.length:
            positions = torch.arange(len(rows))
            mask = positions[None] <= positions[span.table.length :, None]
        out = scaled_dot_product_attention(
            mine,
            keys[rows].transpose(0, 1).unsqueeze(0),
            values[rows].transpose(0, 1).unsqueeze(0),
            attn_mask=mask,
            is_causal=mask is None,
            scale=scaling,
            enable_gqa=grouped,
        )
        parts.append(out[0].transpose(0, 1))
        start += span.count
    return (parts[0] if len(parts) == 1 else torch.cat(parts)).unsqueeze(0), None


def _paged(kept: Tensor, plan: Plan, reads: Tensor, place: int, contexts: int) -> Tensor:
    """Gather contexts' pages: [B, kv heads, longest, dim], valid until the next call.

    Whole pages are copied into memory that is used again and again: to get fresh memory of this
    size from the machine takes longer than to fill it.
    """
    pages = kept.view(-1, plan.memory.page_size * kept.shape[1] * kept.shape[2])
    scratch = plan.memory.scratch(place, len(reads), pages)
    torch.index_select(pages, 0, reads, out=scratch)
    return scratch.view(contexts, -1, kept.shape[1], kept.shape[2]).transpose(1, 2)


def register() -> None:
    """Make the function known to transformers, once or again."""
    from transformers import AttentionInterface

    AttentionInterface.register(NAME, paged_attention)
