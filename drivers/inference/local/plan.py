"""One step of the engine in index tensors, computed once for all layers.

Interface:
    Span            a context's part of a step
    Plan            all spans, as the layers need them
    Memory          what the layers keep between steps: keys, values, convolution inputs
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .pager import PageTable


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A context's part of a step: `count` new tokens after `table.length` old ones."""

    table: PageTable
    count: int
    #: Its place in the convolutions' memory.
    slot: int


class Memory:
    """What the layers keep between steps.

    `keys` and `values`: by layer, [pages · size, kv heads, head dim], so that a page is one run of
    memory; `inputs`: by layer of a
    short convolution, [contexts, taps - 1, channels].
    """

    def __init__(self, page_size: int) -> None:
        self.page_size = page_size
        self.keys: dict[int, Tensor] = {}
        self.values: dict[int, Tensor] = {}
        self.inputs: dict[int, Tensor] = {}
        self._scratch: dict[int, Tensor] = {}

    def scratch(self, place: int, rows: int, like: Tensor) -> Tensor:
        """Return memory for so many rows, the same as before where that was enough."""
        held = self._scratch.get(place)
        if held is None or held.shape[1] != like.shape[1] or len(held) < rows:
            held = self._scratch[place] = torch.empty(
                rows * 5 // 4, like.shape[1], dtype=like.dtype
            )
        return held[:rows]


class Plan:
    """The spans of a step, those of one token first: such contexts attend as one batch."""

    def __init__(self, spans: list[Span], memory: Memory, taps: int) -> None:
        self.memory = memory
        self.spans = spans
        size = memory.page_size
        self.decoding = next((i for i, span in enumerate(spans) if span.count > 1), len(spans))
        lengths = [span.table.length + span.count for span in spans]
        rows = [
            _slots(span.table, length, size) for span, length in zip(spans, lengths, strict=True)
        ]
        fresh = [row[span.table.length :] for row, span in zip(rows, spans, strict=True)]
        #: [T]: where each new token's keys and values go.
        self.writes = torch.cat(fresh)
        #: [T]: each new token's position.
        self.positions = torch.cat(
            [torch.arange(span.table.length, n) for span, n in zip(spans, lengths, strict=True)]
        )
        self.counts = [span.count for span in spans]
        #: [S]: each span's last token among the T.
        self.last = torch.tensor(self.counts).cumsum(0) - 1
        self.prefills = list(zip(rows, spans, strict=True))[self.decoding :]
        if self.decoding:
            self._plan_reads(lengths[: self.decoding])
        if taps > 1:
            self._plan_taps(taps)

    def _plan_reads(self, lengths: list[int]) -> None:
        """Lay out the decoding contexts' pages as one batch; what lies past a context is masked."""
        size = self.memory.page_size
        most = max(-(-length // size) for length in lengths)
        reads = torch.zeros(len(lengths), most, dtype=torch.long)
        for i, (span, length) in enumerate(zip(self.spans, lengths, strict=False)):
            count = -(-length // size)
            reads[i, :count] = torch.tensor(span.table.pages[:count])
        #: [B · pages]: the pages of each decoding context, one after the other.
        self.reads = reads.flatten()
        #: [B, 1, 1, pages · size]
        self.mask = (torch.arange(most * size)[None] < torch.tensor(lengths)[:, None])[
            :, None, None
        ]

    def _plan_taps(self, taps: int) -> None:
        """Lay out a buffer of every context's last inputs followed by its new ones."""
        before = taps - 1
        start, windows, tails = 0, [], []
        for count in self.counts:
            windows.append(torch.arange(start, start + count)[:, None] + torch.arange(taps))
            tails.append(torch.arange(start + count, start + count + before))
            start += before + count
        #: [T, taps]: the inputs of each new token; [S, taps - 1]: those to keep.
        self.windows, self.tails = torch.cat(windows), torch.stack(tails)
        #: [S]: the contexts' places in the convolutions' memory.
        self.slots = torch.tensor([span.slot for span in self.spans])


def _slots(table: PageTable, length: int, size: int) -> Tensor:
    """Return where a context's first tokens lie: [length]."""
    pages = torch.tensor(table.pages[: -(-length // size)])
    return (pages[:, None] * size + torch.arange(size)).flatten()[:length]
