"""Attention by torch's own kernels over gathered pages: on every device, and all that there is.

Interface:
    Gather          implements `Backend`
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from ..plan import Decode, Plan, causal
from .contract import Form

#: How many scores exist at once where no kernel of torch makes them piece by piece.
SCORES = 1 << 24
#: How many bytes of keys, and of values, are gathered at once: on a processor what is gathered is
#: read again while it lies in its cache; on a GPU each part costs as much as a small one.
GATHERED, GATHERED_BY_GPU = 1 << 22, 1 << 28


class Gather:
    """Contexts with one new token each as batches, every other one by itself."""

    page_size = 16
    graphs = False

    def attend(
        self,
        query: Tensor,
        keys: Tensor,
        values: Tensor,
        plan: Plan,
        form: Form,
        sinks: Tensor | None,
    ) -> Tensor:
        # torch's kernels for a GPU want masks in the type of what they mask.
        narrow = keys.device.type == "cuda"
        view = plan.view(form.window, keys.dtype if narrow else torch.float32)
        plain = form.softcap is None and sinks is None
        groups = keys.shape[1], query.shape[1] // keys.shape[1]
        parts = []
        for decode in view.decodes:
            for part in _parts(decode, keys, plan):
                # The heads that share keys attend like so many tokens: no key is copied for them.
                mine = torch.unflatten(query[part.start : part.stop], 1, groups)
                k, v = (_paged(one, plan, part, place) for place, one in enumerate((keys, values)))
                mine = mine.to(k.dtype)
                if plain:
                    out = scaled_dot_product_attention(
                        mine, k, v, attn_mask=part.mask, scale=form.scaling
                    )
                else:
                    mask = part.mask.unsqueeze(1)
                    out = _attend(mine.unsqueeze(3), k, v, mask, form, sinks)
                parts.append(out.flatten(1, -2).to(query.dtype))
        for prefill in view.prefills:
            mine = query[prefill.start : prefill.stop].transpose(0, 1).unsqueeze(0)
            k, v = (one[prefill.rows].transpose(0, 1).unsqueeze(0) for one in (keys, values))
            if plain:
                out = scaled_dot_product_attention(
                    mine,
                    k,
                    v,
                    attn_mask=prefill.mask,
                    is_causal=prefill.mask is None,
                    scale=form.scaling,
                    enable_gqa=groups[1] > 1,
                )
            else:
                mask = causal(mine.shape[2]) if prefill.mask is None else prefill.mask
                mine = torch.unflatten(mine, 1, groups)
                out = _attend(mine, k, v, mask.to(k.device), form, sinks).flatten(1, 2)
            parts.append(out[0].transpose(0, 1))
        return parts[0].contiguous() if len(parts) == 1 else torch.cat(parts)

    def renew(self, plan: Plan) -> None:
        raise AssertionError("its work is not recorded")


def _attend(
    query: Tensor,
    keys: Tensor,
    values: Tensor,
    mask: Tensor,
    form: Form,
    sinks: Tensor | None,
) -> Tensor:
    """Attend as torch's own kernels cannot.

    query [B, kv heads, heads of each, new, dim], keys and values [B, kv heads, read, dim], mask
    that fits [B, kv heads, heads of each, new, read] → as the query. A sink adds its exponential to
    the sum that weights are divided by (Xiao et al., arXiv 2309.17453).
    """
    scale = query.shape[-1] ** -0.5 if form.scaling is None else form.scaling
    heads = query.shape[2]
    most = max(1, SCORES // (query.shape[:3].numel() * keys.shape[2]))
    masks = mask.expand(*mask.shape[:-2], query.shape[3], -1)
    parts = []
    for part, seen in zip(torch.split(query, most, 3), torch.split(masks, most, -2), strict=True):
        scores = (part.flatten(2, 3) @ keys.transpose(-1, -2)).float() * scale
        if form.softcap is not None:
            scores = (scores / form.softcap).tanh_() * form.softcap
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
    room = GATHERED if kept.device.type == "cpu" else GATHERED_BY_GPU
    most = max(1, room // (longest * kept[0].numel() * kept.element_size()))
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
