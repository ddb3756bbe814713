"""flash-attn's kernels over page tables (Dao, arXiv 2307.08691).

Interface:
    FlashAttention  implements `Backend`
    lacks           what keeps it from serving a model
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import torch
from torch import Tensor

from ..plan import Plan
from .contract import Form, Needs, missing, sunk

#: The largest head that there are kernels for, and what its dim is a multiple of.
LARGEST, MULTIPLE = 256, 8


def lacks(needs: Needs) -> str | None:
    """Return what keeps it from serving a model; None where nothing does."""
    return missing(
        needs,
        library="flash_attn",
        does=frozenset({"window", "softcap", "sinks"}),
        fits=lambda dim: dim <= LARGEST and dim % MULTIPLE == 0,
    )


class FlashAttention:
    """One kernel for the contexts with one new token each, another for the rest."""

    #: The only pages that its kernels read are multiples of this.
    page_size = 256
    graphs = True

    def __init__(self) -> None:
        library = import_module("flash_attn")
        self._one: Any = library.flash_attn_with_kvcache
        self._many: Any = library.flash_attn_varlen_func

    def attend(
        self,
        query: Tensor,
        keys: Tensor,
        values: Tensor,
        plan: Plan,
        form: Form,
        sinks: Tensor | None,
    ) -> Tensor:
        query = query.to(keys.dtype)
        keys, values = (
            torch.unflatten(one, 0, (-1, plan.memory.page_size)) for one in (keys, values)
        )
        drawn = {
            "softmax_scale": form.scaling,
            "causal": True,
            "window_size": (-1, -1) if form.window is None else (form.window - 1, 0),
            "softcap": form.softcap or 0.0,
        }
        parts = []
        if plan.decoding:
            tables = plan.single
            out, lse = self._one(
                query[: plan.decoding].unsqueeze(1),
                keys,
                values,
                cache_seqlens=tables.lengths,
                block_table=tables.pages,
                return_softmax_lse=True,
                **drawn,
            )
            parts.append(sunk(out[:, 0], lse[..., 0], sinks))
        if plan.decoding < len(plan.spans):
            tables = plan.several
            out, lse, _ = self._many(
                query[plan.decoding :],
                keys,
                values,
                cu_seqlens_q=tables.starts,
                cu_seqlens_k=tables.ends,
                max_seqlen_q=tables.most_new,
                max_seqlen_k=tables.longest,
                return_attn_probs=True,
                block_table=tables.pages,
                **drawn,
            )
            parts.append(sunk(out, lse.T, sinks))
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def renew(self, plan: Plan) -> None:
        pass  # its kernels read the tables themselves
