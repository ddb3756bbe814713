"""Which kernels attend for a model: those that are there and do all that it needs.

Interface:
    choose          by name, or the best
    NAMES           the names
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


def choose(name: str, needs: Needs) -> Backend:
    """Return a backend by its name; for `auto` the best that does all that a model needs, which on
    a processor is that of torch's own kernels.

    Raises `InvalidArgument` for one that does not, with what it lacks.
    """
    if name == "auto":
        if needs.device == "cpu":
            return Gather()
        name = next(one for one, (lacks, _) in _BACKENDS.items() if lacks(needs) is None)
    if name not in _BACKENDS:
        raise InvalidArgument(f"attention {name}: one of {', '.join(NAMES)} is wanted")
    lacks, make = _BACKENDS[name]
    if (reason := lacks(needs)) is not None:
        raise InvalidArgument(f"attention by {name} cannot serve this model: {reason}")
    return make(needs)
