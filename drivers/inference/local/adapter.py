"""LoRA adapters, as peft saves them: a small change of a model, added to its weights at load.

A layer's weight W becomes W + s·B·A, with A of (r, in), B of (out, r) and s = alpha / r, or
alpha / √r where the adapter is rank-stabilised (Hu et al. 2021, section 4.1; Kalajdzievski 2023).
Once it is added, a model with an adapter costs what one without costs.

Interface:
    holds           says whether a folder is an adapter
    base            what it changes: a folder or an id of the hub
    merge           adds it; raises `InvalidArgument` by the name of what it cannot add
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ....syscalls.errors import InvalidArgument
from ..targets import EMBEDDED

SETTINGS, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
_PREFIX = "base_model.model."
_A, _B = ".lora_A.weight", ".lora_B.weight"
#: What changes how or what else is added, with the values that change nothing.
_PLAIN: Mapping[str, tuple[Any, ...]] = {
    "use_dora": (False, None),
    "bias": ("none", None),
    "modules_to_save": (None, []),
    "alpha_pattern": (None, {}),
    "rank_pattern": (None, {}),
    "layer_replication": (None, []),
    "trainable_token_indices": (None, []),
}


def holds(source: str) -> bool:
    """Say whether a folder is an adapter."""
    return (Path(source).expanduser() / SETTINGS).is_file()


def base(folder: Path) -> str:
    """Return what an adapter changes, as it says itself; `embedded` is the model that we ship."""
    said = _settings(folder).get("base_model_name_or_path")
    if not isinstance(said, str) or not said:
        raise InvalidArgument(f"{folder.name}: its {SETTINGS} names no base model")
    return str(EMBEDDED) if said == "embedded" else said


def merge(model: Any, folder: Path) -> None:
    """Add an adapter to a model's weights, which are floating-point numbers."""
    import torch
    from safetensors.torch import load_file

    settings = _settings(folder)
    _refuse(folder.name, settings)
    tensors = load_file(folder / WEIGHTS)
    modules = dict(model.named_modules())
    names = sorted(key.removesuffix(_A) for key in tensors if key.endswith(_A))
    odd = tensors.keys() - {name + end for name in names for end in (_A, _B)}
    if odd or not names:
        raise InvalidArgument(f"{folder.name}: it holds {min(odd, default='nothing')}")
    with torch.inference_mode():
        for name in names:
            module = modules.get(name.removeprefix(_PREFIX))
            a, b = tensors[name + _A].float(), tensors.get(name + _B)
            weight = getattr(module, "weight", None)
            if weight is None or b is None:
                raise InvalidArgument(f"{folder.name}: the base model has no {name}")
            change = _scale(settings, a.shape[0]) * (b.float() @ a)
            # GPT-2 keeps its weights the other way round.
            change = change.T if settings.get("fan_in_fan_out") else change
            if change.shape != weight.shape:
                raise InvalidArgument(
                    f"{folder.name}: {name} is {tuple(change.shape)}, the base model's "
                    f"{tuple(weight.shape)}"
                )
            weight.copy_(weight.float() + change)


def _settings(folder: Path) -> dict[str, Any]:
    try:
        said = json.loads((folder / SETTINGS).read_text())
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidArgument(f"{folder.name}: its {SETTINGS} cannot be read: {error}") from error
    if not isinstance(said, dict) or said.get("peft_type") != "LORA":
        raise InvalidArgument(f"{folder.name}: an adapter of type LORA is wanted")
    return said


def _refuse(name: str, settings: Mapping[str, Any]) -> None:
    for key, plain in _PLAIN.items():
        if settings.get(key) not in plain:
            raise InvalidArgument(f"{name}: an adapter with {key} is not supported")
    if not isinstance(settings.get("lora_alpha"), (int, float)):
        raise InvalidArgument(f"{name}: its {SETTINGS} has no lora_alpha")


def _scale(settings: Mapping[str, Any], rank: int) -> float:
    divisor = rank**0.5 if settings.get("use_rslora") else rank
    return float(settings["lora_alpha"]) / divisor
