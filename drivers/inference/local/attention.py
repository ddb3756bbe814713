"""Attention over pages, as transformers calls it in each layer.

A step is a packed batch [1, T] of many contexts; the plan says which token is whose.

Interface:
    NAME            what the function is registered as
    Layer           what an attention layer needs to know of itself, and of the step
    register        makes it known to transformers
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from .plan import Decode, Plan, Step, causal

#: No mask function is registered under it, so transformers makes no mask.
NAME = "llmagentos_paged"
#: How many scores exist at once where no kernel of torch makes them piece by piece.
SCORES = 1 << 24
#: How many bytes of keys, and of values, are gathered at once: what is gathered is read again while
#: it lies in the processor's cache.
GATHERED = 1 << 22


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
    view = plan.view(layer.window)
    plain = softcap is None and s_aux is None
    groups = key.shape[1], query.shape[1] // key.shape[1]
    parts = []
    for decode in view.decodes:
        for part in _parts(decode, keys, plan):
            # The heads that share keys attend like so many tokens: no key is copied for them.
            mine = torch.unflatten(query[0, :, part.start : part.stop].transpose(0, 1), 1, groups)
            k, v = (_paged(kept, plan, part, place) for place, kept in enumerate((keys, values)))
            mine = mine.to(k.dtype)
            if plain:
                out = scaled_dot_product_attention(mine, k, v, attn_mask=part.mask, scale=scaling)
            else:
                mask = part.mask.unsqueeze(1)
                out = _attend(mine.unsqueeze(3), k, v, mask, scaling, softcap, s_aux)
            parts.append(out.flatten(1, -2).to(query.dtype))
    for prefill in view.prefills:
        mine = query[:, :, prefill.start : prefill.stop]
        k, v = (kept[prefill.rows].transpose(0, 1).unsqueeze(0) for kept in (keys, values))
        if plain:
            out = scaled_dot_product_attention(
                mine,
                k,
                v,
                attn_mask=prefill.mask,
                is_causal=prefill.mask is None,
                scale=scaling,
                enable_gqa=groups[1] > 1,
            )
        else:
            mask = causal(mine.shape[2]) if prefill.mask is None else prefill.mask
            mine = torch.unflatten(mine, 1, groups)
            out = _attend(mine, k, v, mask, scaling, softcap, s_aux)
            out = out.flatten(1, 2)
        parts.append(out[0].transpose(0, 1))
    return (parts[0].contiguous() if len(parts) == 1 else torch.cat(parts)).unsqueeze(0), None


def _attend(
    query: Tensor,
    keys: Tensor,
    values: Tensor,
    mask: Tensor,
    scaling: float | None,
    softcap: float | None,
    sinks: Tensor | None,
) -> Tensor:
    """Attend as torch's own kernels cannot.

    query [B, kv heads, heads of each, new, dim], keys and values [B, kv heads, read, dim], mask
    that fits [B, kv heads, heads of each, new, read] → as the query. With a cap c, scores s
    become c · tanh(s / c) (Gemma 2, arXiv 2408.00118, section 2); a sink adds its exponential to
    the sum that weights are divided by (Xiao et al., arXiv 2309.17453).
    """
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    heads = query.shape[2]
    most = max(1, SCORES // (query.shape[:3].numel() * keys.shape[2]))
    masks = mask.expand(*mask.shape[:-2], query.shape[3], -1)
    parts = []
    for part, seen in zip(torch.split(query, most, 3), torch.split(masks, most, -2), strict=True):
        scores = (part.flatten(2, 3) @ keys.transpose(-1, -2)).float() * scale
        if softcap is not None:
            scores = (scores / softcap).tanh_() * softcap
        scores = torch.unflatten(scores, 2, (heads, -1)) + seen
        if sinks is not None:
            sink = sinks.float().view(-1, heads, 1, 1).expand(*scores.shape[:-1], 1)
            scores = torch.cat([scores, sink], -1)
        weights = scores.softmax(-1)[..., : keys.shape[2]].to(values.dtype)
        parts.append(torch.unflatten(weights.flatten(2, 3) @ values, 2, (heads, -1)))
    return torch.cat(parts, 3)


def _parts(decode: Decode, kept: Tensor, plan: Plan) -> list[Decode]:
    """Part contexts that are read as one batch, where that would be too much at once."""
    contexts, longest = len(decode.mask), decode.mask.shape[-1]
    most = max(1, GATHERED // (longest * kept[0].numel() * kept.element_size()))
    if most >= contexts:
        return [decode]
    pages = longest // plan.memory.page_size
    return [
        Decode(
            start=decode.start + at,
            stop=decode.start + min(at + most, contexts),
            pages=decode.pages[at * pages : (at + most) * pages],
            mask=decode.mask[at : at + most],
        )
        for at in range(0, contexts, most)
    ]


def _paged(kept: Tensor, plan: Plan, decode: Decode, place: int) -> Tensor:
    """Gather contexts' pages: [B, kv heads, longest, dim], valid until the next call.

    Whole pages are copied into memory that is used again and again: to get fresh memory of this
    size from the machine takes longer than to fill it.
    """
    pages = kept.view(-1, plan.memory.page_size * kept.shape[1] * kept.shape[2])
    gathered = plan.memory.scratch(place, len(decode.pages), pages)
    torch.index_select(pages, 0, decode.pages, out=gathered)
    if kept.device.type == "cpu" and kept.dtype != torch.float32:
        # For a single new token torch's kernel is several times slower in narrower types.
        wide = plan.memory.scratch(2 + place, len(gathered), pages[:0].float())
        gathered = wide.copy_(gathered)
    return gathered.view(len(decode.mask), -1, kept.shape[1], kept.shape[2]).transpose(1, 2)


def register() -> None:
    """Make the function known to transformers, once or again."""
    from transformers import AttentionInterface

    AttentionInterface.register(NAME, paged_attention)
