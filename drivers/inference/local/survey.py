"""What each attention layer of a model needs, as the model itself asks for it.

Configurations name features in many ways, and some are known to code alone. So the model runs once
over two tokens with an attention that only looks: transformers describes the mask that it would
make, and each layer brings the description along with its queries, keys and values. The mask is
compared with the engine's own around every bound of its window, however large that is.

Interface:
    survey          lets every attention layer of a model know what it needs
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ....syscalls.errors import InvalidArgument
from .attention import Layer
from .backends.contract import Needs
from .plan import Step

NAME = "llmagentos_survey"
#: The tensors that a layer may bring along.
KNOWN = frozenset({"position_ids", "cache_position"})


class _Unsupported(Exception):
    """What an attention layer needs and the engine lacks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mask:
    """Stands for a mask by which every token sees `window` tokens, or all before it."""

    window: int | None
    #: Why it is no such mask after all; many are described that no layer uses.
    strange: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """What a layer came with."""

    window: int | None
    key: Tensor
    value: Tensor
    #: As `Needs` names them.
    features: frozenset[str]


@torch.inference_mode()
def survey(model: Any, step: Step) -> Needs:
    """Put a `Layer` into every attention layer of a model; returns what they need.

    Raises `InvalidArgument`, which names what the engine lacks.
    """
    from transformers import AttentionInterface, AttentionMaskInterface

    AttentionInterface.register(NAME, _look)
    AttentionMaskInterface.register(NAME, _describe)
    model.config._attn_implementation = NAME
    name, device = model.config.model_type, model.get_input_embeddings().weight.device
    for module in model.modules():
        vars(module).pop("paged", None)  # of a runner before
    try:
        model(
            input_ids=torch.zeros(1, 2, dtype=torch.long, device=device),
            position_ids=torch.arange(2, device=device).unsqueeze(0),
            use_cache=False,
            logits_to_keep=torch.tensor([1], device=device),
        )
    except _Unsupported as error:
        raise InvalidArgument(f"{name} needs {error}: not supported") from error
    except Exception as error:  # a model's own code, fed with a mask that is none
        raise InvalidArgument(f"{name} has attention of its own: not supported") from error
    found = [one for one in model.modules() if isinstance(getattr(one, "paged", None), _Seen)]
    if not found:
        raise InvalidArgument(f"{name} has attention of its own, or none: not supported")
    seen: list[_Seen] = [module.paged for module in found]
    first: dict[int, int] = {}
    for index, (module, one) in enumerate(zip(found, seen, strict=True)):
        kept = first.setdefault(id(one.key), index)
        module.paged = Layer(step=step, kept=kept, writes=kept == index, window=one.window)
    return Needs(
        features=frozenset[str]().union(*(one.features for one in seen)),
        dims=frozenset((one.key.shape[-1], one.value.shape[-1]) for one in seen),
        dtype=seen[0].key.dtype,
        device=device.type,
    )


def _describe(
    *, mask_function: Callable[..., Tensor], local_size: int | None = None, **kwargs: Any
) -> _Mask:
    """Take the place of what makes masks."""
    if kwargs.get("use_vmap"):
        return _Mask(window=None, strange="a mask of its own")
    # Positions around every bound of the window, and many where there is none.
    bound = local_size or 64
    new = {0, 1, bound - 1, bound, bound + 1, 2 * bound, 3 * bound + 1} if local_size else range(64)
    at = torch.tensor(sorted(new))[None, None, :, None]
    read = torch.arange(3 * bound + 2)[None, None, None]
    none = torch.zeros(1, 1, 1, 1, dtype=torch.long)
    wanted = (read <= at) & (read > at - local_size if local_size else torch.tensor(True))
    if not torch.equal(mask_function(none, none, at, read).expand(wanted.shape), wanted):
        return _Mask(window=None, strange="a mask that is neither causal nor a sliding window")
    return _Mask(window=local_size)


def _look(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Any,
    is_causal: bool | None = None,
    sliding_window: int | None = None,
    softcap: float | None = None,
    s_aux: Tensor | None = None,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """Take the place of attention; gives no outcome, but one of the right shape."""
    strange = [
        name for name, given in kwargs.items() if isinstance(given, Tensor) and name not in KNOWN
    ]
    if strange:
        raise _Unsupported(f"attention with {', '.join(strange)}")
    if not (getattr(module, "is_causal", True) if is_causal is None else is_causal):
        raise _Unsupported("attention to later tokens")
    if hasattr(module, "paged"):
        raise _Unsupported("attention more than once in a layer")
    if isinstance(attention_mask, _Mask):
        if attention_mask.strange:
            raise _Unsupported(attention_mask.strange)
        sliding_window = attention_mask.window
    elif attention_mask is not None:
        raise _Unsupported("a mask of its own")
    has = {"window": sliding_window, "softcap": softcap, "sinks": s_aux}
    features = frozenset(name for name, one in has.items() if one is not None)
    module.paged = _Seen(window=sliding_window, key=key, value=value, features=features)
    return value.new_zeros(1, query.shape[2], query.shape[1], value.shape[-1]), None
