"""torch's flex_attention with a block mask over page tables (Dong et al., arXiv 2412.05496).

All pages are its keys. The block mask says which of them some new tokens read, and a mask function
which tokens in them: it turns a place in memory into a position in the token's own context. A step
is filled up with tokens that see nothing, so that no size is ever 1: torch compiles anew for that.

Interface:
    FlexAttention   implements `Backend`
    lacks           what keeps it from serving a model
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.attention import flex_attention as flex
from torch.nn.functional import pad

from ..plan import Plan
from .contract import Form, Needs, sunk

#: New tokens that share a row of the block mask: as many as a page has, a product's least.
ROWS = 16
#: The least dim of a head that there are kernels for.
LEAST = 16


def lacks(needs: Needs) -> str | None:
    """Return what keeps it from serving a model; None where nothing does."""
    for key, value in needs.dims:
        if needs.device != "cpu" and min(key, value) < LEAST:
            return f"it has no kernels for keys of {key} and values of {value}"
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Places:
    """Where the new tokens of a step stand, and where their contexts lie."""

    #: [rows · ROWS]: whose each token is, and its position there; -1 for what fills a step up.
    owner: Tensor
    position: Tensor
    #: [S, pages]: the number that a page has among those of a context; -1 for a stranger's.
    number: Tensor


class FlexAttention:
    """Compiled on a GPU. On a processor its plain form computes all scores: right, and slow."""

    page_size = 16
    graphs = False

    def __init__(self, device: str = "cpu") -> None:
        self._attend: Any = flex.flex_attention
        self._options: dict[str, Any] | None = None
        self._caps: dict[float, Any] = {}
        if device == "cpu":
            # As torch's own warning has it: without tracing what is not compiled after all.
            flex._FLEX_ATTENTION_DISABLE_COMPILE_DEBUG = True
        else:
            self._attend = torch.compile(self._attend, dynamic=True)
            self._options = {"BLOCK_M": ROWS, "FORCE_USE_FLEX_ATTENTION": True}

    def attend(
        self,
        query: Tensor,
        keys: Tensor,
        values: Tensor,
        plan: Plan,
        form: Form,
        sinks: Tensor | None,
    ) -> Tensor:
        options = self._options and {**self._options, "BLOCK_N": plan.memory.page_size}
        count = len(query)
        query = pad(query, (0, 0, 0, 0, 0, _rows(plan) * ROWS - count))
        out, aux = self._attend(
            query.to(keys.dtype).transpose(0, 1).unsqueeze(0),
            keys.transpose(0, 1).unsqueeze(0),
            values.transpose(0, 1).unsqueeze(0),
            score_mod=self._capped(form.softcap, keys),
            block_mask=self._mask(plan, form.window, len(keys)),
            scale=form.scaling,
            enable_gqa=query.shape[1] != keys.shape[1],
            kernel_options=options,
            return_aux=flex.AuxRequest(lse=True),
        )
        return sunk(out[0].transpose(0, 1)[:count], aux.lse[0].T[:count], sinks)

    def renew(self, plan: Plan) -> None:
        plan.ready.clear()

    def _capped(self, softcap: float | None, keys: Tensor) -> Any:
        """Return the function that bounds scores; None for none."""
        if softcap is None:
            return None
        made = self._caps.get(softcap)
        if made is None:
            # A tensor: torch compiles no plain number that a function has brought along.
            cap = torch.full((1,), softcap, device=keys.device)

            def capped(
                score: Tensor, batch: Tensor, head: Tensor, new: Tensor, place: Tensor
            ) -> Tensor:
                return torch.tanh(score / cap[batch]) * cap[batch]

            made = self._caps[softcap] = capped
        return made

    def _mask(self, plan: Plan, window: int | None, room: int) -> Any:
        """Return the block mask of a step's layers with that window, over `room` tokens."""
        mask = plan.ready.get(window)
        if mask is None:
            size = plan.memory.page_size
            places = plan.ready.get("places")
            if places is None:
                places = plan.ready["places"] = _places(plan, room // size)
            counts, pages = _blocks(plan, window)
            mask = plan.ready[window] = flex.BlockMask.from_kv_blocks(
                counts[None, None],
                pages[None, None],
                BLOCK_SIZE=(ROWS, size),
                mask_mod=_seen(places, size, window),
                seq_lengths=(len(places.owner), room),
                compute_q_blocks=False,
            )
        return mask


def _rows(plan: Plan) -> int:
    """Return how many rows the block mask of a step has."""
    return max(-(-len(plan.positions) // ROWS), 2)


def _places(plan: Plan, pages: int) -> _Places:
    """Return where a step's tokens stand among so many pages."""
    tables, device = plan.all, plan.positions.device
    number = torch.full((max(len(plan.spans), 2), pages), -1, dtype=torch.int32, device=device)
    held = tables.bounds.diff()
    rows = torch.repeat_interleave(torch.arange(len(held)), held)
    within = torch.arange(len(rows)) - tables.bounds[:-1][rows]
    place = (rows * pages + tables.flat).to(device)
    number.view(-1).index_copy_(0, place, within.int().to(device))
    owner = torch.repeat_interleave(torch.arange(len(held)), torch.tensor(plan.counts)).to(device)
    more = (0, _rows(plan) * ROWS - len(owner))
    return _Places(
        owner=pad(owner, more), position=pad(plan.positions, more, value=-1), number=number
    )


def _blocks(plan: Plan, window: int | None) -> tuple[Tensor, Tensor]:
    """Return how many pages each row of the block mask reads, and which: [rows], [rows, most]."""
    size, start = plan.memory.page_size, 0
    rows: list[dict[int, None]] = [{} for _ in range(_rows(plan))]
    for span in plan.spans:
        for row in range(start // ROWS, (start + span.count - 1) // ROWS + 1):
            first = span.table.length + max(row * ROWS - start, 0)
            last = span.table.length + min((row + 1) * ROWS - start, span.count) - 1
            seen = 0 if window is None else max(first - window + 1, 0) // size
            rows[row] |= dict.fromkeys(span.table.pages[seen : last // size + 1])
        start += span.count
    most = max(2, *map(len, rows))
    device = plan.positions.device
    counts = torch.tensor([len(row) for row in rows], dtype=torch.int32)
    pages = torch.tensor([[*row, *[0] * (most - len(row))] for row in rows], dtype=torch.int32)
    return counts.to(device), pages.to(device)


def _seen(places: _Places, size: int, window: int | None) -> Any:
    """Return the function that says whether a new token sees what lies at a place in memory."""
    owner, position, number = places.owner, places.position, places.number

    def seen(batch: Tensor, head: Tensor, new: Tensor, place: Tensor) -> Tensor:
        page = number[owner[new], place // size]
        at = page * size + place % size
        found = (page >= 0) & (at <= position[new])
        return found if window is None else found & (at > position[new] - window)

    return seen
