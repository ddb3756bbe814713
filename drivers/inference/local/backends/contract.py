"""What an attention layer asks of the kernels that attend to pages.

Interface:
    Needs           what a model's layers need
    Form            how one layer attends
    Backend         the contract
    missing         what keeps a library's kernels from serving a model
    sunk            what sinks make of an outcome
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor

if TYPE_CHECKING:
    from ..plan import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What a model's attention layers need, all of them together."""

    #: `window`, `softcap` and `sinks`, those that any layer has.
    features: frozenset[str]
    #: The dims of a head's keys and of its values, of any layer.
    dims: frozenset[tuple[int, int]]
    dtype: torch.dtype
    #: The kind of device: `cpu`, `cuda`.
    device: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How a layer attends."""

    #: How many tokens each one sees, itself included; None for all before it.
    window: int | None
    #: What scores are multiplied by; None for 1 over the root of the keys' dim.
    scaling: float | None
    #: Scores s become c · tanh(s / c) (Gemma 2, arXiv 2408.00118, section 2).
    softcap: float | None


class Backend(Protocol):
    """Attends to pages. The engine's thread alone calls it; it writes to no page."""

    #: Tokens of the pages that it reads at its best.
    page_size: int
    #: Whether its work on tokens that are written one by one can be recorded and played again.
    graphs: bool

    def attend(
        self,
        query: Tensor,
        keys: Tensor,
        values: Tensor,
        plan: Plan,
        form: Form,
        sinks: Tensor | None,
    ) -> Tensor:
        """Return what each new token of a step attends to.

        query [T, heads, dim], keys and values [pages · size, kv heads, dim], where values may be of
        another dim; sinks [heads] are scores of a key without a value → [T, heads, value dim].
        """

    def renew(self, plan: Plan) -> None:
        """What was made ready for a plan that is used again is to hold for its new tables."""


def missing(
    needs: Needs, *, library: str, does: frozenset[str], fits: Callable[[int], bool]
) -> str | None:
    """Return what keeps a library's kernels, which are a GPU's for numbers of 16 bits, from serving
    a model; None where nothing does. `fits` says whether there are some for heads of a dim."""
    if needs.device != "cuda":
        return "it runs on a GPU alone"
    if find_spec(library) is None:
        return f"{library} is not installed"
    if lacking := needs.features - does:
        return f"it does no {', '.join(sorted(lacking))}"
    if needs.dtype not in (torch.float16, torch.bfloat16):
        return f"it has no kernels for {str(needs.dtype).removeprefix('torch.')}"
    for key, value in needs.dims:
        if key != value or not fits(key):
            return f"it has no kernels for keys of {key} and values of {value}"
    return None


def sunk(out: Tensor, lse: Tensor, sinks: Tensor | None) -> Tensor:
    """Return what sinks leave of an outcome [T, heads, dim] whose scores' exponentials had the sum
    of which `lse` [T, heads] is the natural logarithm: a sink adds its own to that sum (Xiao et
    al., arXiv 2309.17453)."""
    if sinks is None:
        return out
    return out * torch.sigmoid(lse.float() - sinks.float()).unsqueeze(-1).to(out.dtype)
