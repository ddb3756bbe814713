"""Texts in which spans are missing, and what is to be written for them.

Interface:
    Noise       a collator for models of an encoder and a decoder
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor


class Noise:
    """Takes spans out of blocks; random numbers are torch's, so that a checkpoint holds them.

    `spans` (T5, Raffel et al. 2020, 3.1.4): a span is replaced by a sentinel of its own, and what
    is to be written is each sentinel and what stood there. `infill` (BART, Lewis et al. 2020, 2.2):
    a span is replaced by one mask, and all of the text is to be written.
    """

    def __init__(
        self,
        *,
        style: str,
        noise: float,
        span: float,
        pad: int,
        end: int,
        mask: int | None,
        sentinels: list[int],
    ) -> None:
        self._style, self._noise, self._span = style, noise, span
        self._pad, self._end, self._mask = pad, end, mask
        self._sentinels = sentinels

    def __call__(self, examples: list[dict[str, Any]]) -> dict[str, Tensor]:
        """Examples with `input_ids` → input_ids and attention_mask [B, read], labels [B, new], of
        which -100 do not count."""
        import torch

        reads, writes = zip(*(self.corrupt(one["input_ids"]) for one in examples), strict=True)
        rows = [torch.tensor(one) for one in reads]
        labels = [torch.tensor(one) for one in writes]
        pad = torch.nn.utils.rnn.pad_sequence
        inputs = pad(rows, batch_first=True, padding_value=self._pad)
        lengths = torch.tensor([len(one) for one in reads])
        return {
            "input_ids": inputs,
            "attention_mask": (torch.arange(inputs.shape[1]) < lengths[:, None]).long(),
            "labels": pad(labels, batch_first=True, padding_value=-100),
        }

    def corrupt(self, tokens: list[int]) -> tuple[list[int], list[int]]:
        """Return what is read and what is to be written."""
        read: list[int] = []
        written: list[int] = []
        place = 0
        for number, (start, length) in enumerate(self.spans(len(tokens))):
            read += tokens[place:start]
            if self._style == "infill":
                assert self._mask is not None
                read.append(self._mask)
            else:
                read.append(self._sentinels[number])
                written += [self._sentinels[number], *tokens[start : start + length]]
            place = start + length
        read += [*tokens[place:], self._end]
        if self._style == "infill":
            return read, [*tokens, self._end]
        return read, [*written, self._end]

    def spans(self, length: int) -> list[tuple[int, int]]:
        """Return spans as (start, length), in order, at least one token apart.

        Both what is missing and what stays are cut into as many parts of random sizes, as T5 does.
        """
        missing = min(max(round(length * self._noise), 1), length - 1)
        count = min(max(round(missing / self._span), 1), missing, length - missing)
        if self._style == "spans":
            count = min(count, len(self._sentinels))
        place, spans = 0, []
        for kept, gone in zip(_parts(length - missing, count), _parts(missing, count), strict=True):
            spans.append((place + kept, gone))
            place += kept + gone
        return spans


def _parts(total: int, count: int) -> list[int]:
    """Cut a number into `count` parts of at least 1, all ways alike."""
    import torch

    cuts = sorted((torch.randperm(total - 1)[: count - 1] + 1).tolist())
    return [after - before for before, after in zip([0, *cuts], [*cuts, total], strict=True)]
