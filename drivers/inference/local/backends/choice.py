"""Which kernels attend for a model: those that are there and do all that it needs.

Interface:
    candidates      what is to be tried, by name
    choose          makes one of those
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .....syscalls.errors import InvalidArgument
from . import flash, flashinfer, flex
from .contract import Backend, Needs
from .gather import Gather

#: By name, the best first: what keeps a backend from serving a model, and what makes it.
_BACKENDS: Mapping[str, tuple[Callable[[Needs], str | None], Callable[[Needs], Backend]]] = {
    "flashinfer": (flashinfer.lacks, lambda needs: flashinfer.FlashInfer()),
    "flash_attn": (flash.lacks, lambda needs: flash.FlashAttention()),
    "flex": (flex.lacks, lambda needs: flex.FlexAttention(needs.device)),
    "gather": (lambda needs: None, lambda needs: Gather()),
}
NAMES = ("auto", *_BACKENDS)


def candidates(name: str, device: str) -> tuple[str, ...]:
    """Return the names that one stands for, to be tried in turn: for `auto` all of them on a GPU,
    on a processor that of torch's own kernels. Raises `InvalidArgument`."""
    if name not in NAMES:
        raise InvalidArgument(f"attention {name}: one of {', '.join(NAMES)} is wanted")
    if name != "auto":
        return (name,)
    return tuple(_BACKENDS) if device == "cuda" else ("gather",)


def choose(name: str, needs: Needs) -> Backend:
    """Return a backend. Raises `InvalidArgument` for one that does not do all that a model needs,
    with what it lacks."""
    lacks, make = _BACKENDS[name]
    if (reason := lacks(needs)) is not None:
        raise InvalidArgument(f"attention by {name} cannot serve this model: {reason}")
    return make(needs)
