"""FlashInfer's kernels over page tables (Ye et al., arXiv 2501.01005).

Its wrappers lay out the work of a step once for all layers that attend alike.

Interface:
    FlashInfer      implements `Backend`
    lacks           what keeps it from serving a model
"""

from __future__ import annotations

import math
from importlib import import_module
from typing import Any

import torch
from torch import Tensor

from ..plan import Plan
from ..tables import Tables
from .contract import Form, Needs, missing, sunk

#: The dims of heads that there are kernels for.
DIMS = frozenset((64, 128, 256))
#: From how many heads that share keys on they are products of matrices: such as its kernels for
#: tensor cores compute. The others are there for few numbers of heads.
SHARING = 4
#: Which of its kernels read several new tokens: those that run on every GPU. They are the ones for
#: tensor cores too, and whatever there is takes a minute to compile when it is first wanted.
KERNELS = "fa2"
#: Bytes in which a wrapper keeps what parts of a long context come to; its authors' own number.
WORKSPACE = 128 << 20


def lacks(needs: Needs) -> str | None:
    """Return what keeps it from serving a model; None where nothing does."""
    return missing(
        needs,
        library="flashinfer",
        does=frozenset({"window", "softcap", "sinks"}),
        fits=lambda dim: dim in DIMS,
    )


class FlashInfer:
    """A wrapper for the contexts with one new token each, another for the rest, for each form in
    which layers attend."""

    page_size = 16
    graphs = True

    def __init__(self) -> None:
        self._library: Any = import_module("flashinfer")
        self._workspace: Tensor | None = None
        #: Those of steps that are not played again, by form, shapes and which of the two they are.
        self._wrappers: dict[Any, Any] = {}

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
        size = plan.memory.page_size
        paged = torch.unflatten(keys, 0, (-1, size)), torch.unflatten(values, 0, (-1, size))
        shapes = query.shape[1], keys.shape[1], query.shape[2], size, query.dtype
        cut, parts = plan.decoding, []
        for single, part in ((True, query[:cut]), (False, query[cut:])):
            if len(part):
                wrapper = self._ready(plan, single, form, shapes, keys)
                if sinks is None:
                    parts.append(wrapper.run(part, paged))
                    continue
                out, lse = wrapper.run(part, paged, return_lse=True)
                # Its logarithms are those of base 2.
                parts.append(sunk(out, lse * math.log(2), sinks))
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def renew(self, plan: Plan) -> None:
        for (single, form, shapes), wrapper in plan.ready.items():
            self._lay_out(wrapper, plan, single, form, shapes)

    def _ready(self, plan: Plan, single: bool, form: Form, shapes: Any, keys: Tensor) -> Any:
        """Return a wrapper that has laid out the step."""
        key = single, form, shapes
        wrapper = plan.ready.get(key)
        if wrapper is None:
            if plan.fixed:
                wrapper = self._fixed(plan, shapes, keys)
            else:
                wrapper = self._wrappers.get(key)
                if wrapper is None:
                    wrapper = self._wrappers[key] = self._made(single, shapes, keys)
            plan.ready[key] = wrapper
            self._lay_out(wrapper, plan, single, form, shapes)
        return wrapper

    def _made(self, single: bool, shapes: Any, keys: Tensor) -> Any:
        """Return a wrapper for steps of any size."""
        room = self._room(keys)
        if not single:
            return self._library.BatchPrefillWithPagedKVCacheWrapper(room, "NHD", backend=KERNELS)
        return self._library.BatchDecodeWithPagedKVCacheWrapper(
            room, "NHD", use_tensor_cores=_shared(shapes)
        )

    def _fixed(self, plan: Plan, shapes: Any, keys: Tensor) -> Any:
        """Return a wrapper for a recorded step: what its kernels read stays where it is."""
        contexts, pages = len(plan.spans), plan.single.most

        def numbers(count: int) -> Tensor:
            return torch.zeros(count, dtype=torch.int32, device=keys.device)

        return self._library.BatchDecodeWithPagedKVCacheWrapper(
            self._room(keys),
            "NHD",
            use_cuda_graph=True,
            use_tensor_cores=_shared(shapes),
            paged_kv_indptr_buffer=numbers(contexts + 1),
            paged_kv_indices_buffer=numbers(contexts * pages),
            paged_kv_last_page_len_buffer=numbers(contexts),
        )

    def _lay_out(self, wrapper: Any, plan: Plan, single: bool, form: Form, shapes: Any) -> None:
        heads, kv_heads, dim, size, dtype = shapes
        tables: Tables = plan.single if single else plan.several
        begins = () if single else (tables.begins,)
        wrapper.plan(
            *begins,
            tables.bounds,
            tables.flat,
            tables.last,
            heads,
            kv_heads,
            dim,
            size,
            **({} if single else {"causal": True}),
            sm_scale=form.scaling,
            window_left=-1 if form.window is None else form.window - 1,
            logits_soft_cap=form.softcap,
            q_data_type=dtype,
            kv_data_type=dtype,
        )

    def _room(self, keys: Tensor) -> Tensor:
        """Return the memory that all wrappers share: no two work at the same time."""
        if self._workspace is None:
            self._workspace = torch.zeros(WORKSPACE, dtype=torch.uint8, device=keys.device)
        return self._workspace


def _shared(shapes: Any) -> bool:
    """Say whether many heads share keys."""
    heads, kv_heads, *_ = shapes
    return bool(heads // kv_heads >= SHARING)
