"""Muon for the matrices within layers, AdamW for embeddings, norms and convolution kernels.

Interface:
    Optimiser       both as one; `step(loss)`, state in and out
    rate            share of the full learning rate at a point of the run
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["Optimiser", "rate"]

#: Share of the run in which the rate rises, and from which on it falls to zero.
_WARM, _FALL = 0.01, 0.35
_CLIP = 1.0


def rate(progress: float) -> float:
    """Warm up, stay, decay linearly to zero (WSD); progress goes from 0 to 1."""
    rising = min(progress / _WARM, 1.0)
    return rising * min(1.0, max(0.0, (1.0 - progress) / (1.0 - _FALL)))


class Optimiser:
    """Changes the parameters of one model."""

    def __init__(self, model: nn.Module, *, muon: float = 0.02, adam: float = 4e-3) -> None:
        self._parameters = list(model.parameters())
        matrices = [
            p for name, p in model.named_parameters() if p.ndim == 2 and "embed" not in name
        ]
        chosen = {id(p) for p in matrices}
        others = [p for p in self._parameters if id(p) not in chosen]
        self._parts: list[tuple[torch.optim.Optimizer, float]] = [
            (torch.optim.Muon(matrices, lr=muon, momentum=0.95, weight_decay=0.02), muon),
            (torch.optim.AdamW(others, lr=adam, betas=(0.9, 0.98), weight_decay=0.01), adam),
        ]

    def step(self, loss: Tensor, share: float) -> None:
        """One update at a share of the full rates."""
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self._parameters, _CLIP)
        for part, full in self._parts:
            for group in part.param_groups:
                group["lr"] = full * share
            part.step()
            part.zero_grad(set_to_none=True)

    def state_dict(self) -> list[dict[str, Any]]:
        """Everything that the next step depends on."""
        return [part.state_dict() for part, _ in self._parts]

    def load_state_dict(self, states: list[dict[str, Any]]) -> None:
        """As it was when the states were taken."""
        for (part, _), state in zip(self._parts, states, strict=True):
            part.load_state_dict(state)
