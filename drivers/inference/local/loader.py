"""Loading a model from a folder or a hub, or refusing it by the name of what it needs.

Interface:
    Loaded          a model with its tokenizer
    load            blocking; raises `NotFound`, `InvalidArgument` or `DeviceError`
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ....syscalls.errors import DeviceError, InvalidArgument, LLMAgentOSError, NotFound
from . import hub

#: While it loads, transformers patches itself and torch for all threads. Two loads at once leave
#: some of that behind: weights that are never set, then and in every later load.
_ALONE = threading.Lock()
#: Layer types whose state the engine keeps.
_LAYERS = frozenset({"full_attention", "conv"})
#: Positions that depend on the longest context of a batch: nobody's would be their own.
_ROPES = frozenset({"dynamic", "longrope"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A model with its tokenizer."""

    model: Any
    tokenizer: Any
    name: str
    #: The configuration of the part that reads and writes text.
    config: Any


def load(source: str) -> Loaded:
    """Load a folder, or an id of the hub.

    Raises `NotFound` for a missing one, `InvalidArgument` for one that is damaged or that needs
    what the engine does not do, which it names.
    """
    path, local = _locate(source)
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    try:
        config = AutoConfig.from_pretrained(path, local_files_only=local)
        refuse(config)
        folder = path if Path(path).exists() else hub.fetch(path, local)
        with _ALONE:
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
            model = AutoModelForCausalLM.from_pretrained(
                folder, config=config, local_files_only=True, dtype="float32"
            )
    except LLMAgentOSError:
        raise
    except OSError as error:
        raise NotFound(f"the model {source} cannot be found: {_first_line(error)}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidArgument(f"the model {source} cannot be read: {_first_line(error)}") from error
    except Exception as error:  # safetensors and the tokenizers' own errors have no common base
        raise DeviceError(f"the model {source} cannot be loaded: {_first_line(error)}") from error
    model.train(False)
    return Loaded(
        model=model, tokenizer=tokenizer, name=Path(path).name, config=config.get_text_config()
    )


def _locate(source: str) -> tuple[str, bool]:
    """Return a folder or an id, and whether to look on this machine alone."""
    # A missing folder would be taken for an id and asked for over the network.
    if source.startswith((".", "/", "~")) or Path(source).exists():
        folder = Path(source).expanduser()
        if not (folder / "config.json").is_file():
            raise NotFound(f"there is no model in {folder}: a folder with a config.json is wanted")
        return str(folder), True
    if source.count("/") > 1 or "\\" in source:
        raise NotFound(f"{source} is neither a folder here nor an id of the hub")
    # Where the hub does not answer there may still be a copy from earlier.
    return source, not hub.reachable()


def refuse(config: Any) -> None:
    """Raise `InvalidArgument` for a feature that would give wrong logits without a word.

    It names what is known; what it does not know shows in the probe. Windows and positions that
    change with the length have to be named: the probe's prompts are too short for them.
    """
    found = list(_missing(config.get_text_config()))
    if getattr(config, "is_encoder_decoder", False):
        found.append("an encoder")
    if found:
        raise InvalidArgument(f"{config.model_type} needs {', '.join(found)}: not supported")


def _missing(config: Any) -> Iterator[str]:
    if getattr(config, "attn_logit_softcapping", None):
        yield "a soft cap on attention scores"
    types = set(getattr(config, "layer_types", None) or ())
    window = getattr(config, "sliding_window", None)
    if (
        window
        and getattr(config, "use_sliding_window", True)
        and (not types or "sliding_attention" in types)
    ):
        yield f"a sliding window of {window}"
    if getattr(config, "kv_lora_rank", None):
        yield "multi-head latent attention (MLA)"
    if "gpt_oss" in config.model_type:
        yield "attention sinks"
    for one in sorted(types - _LAYERS - {"sliding_attention"}):
        yield f"layers of type {one}"
    if "mamba" in config.model_type or "rwkv" in config.model_type:
        yield "a recurrent state"
    for one in sorted(_rope_types(config) & _ROPES):
        yield f"{one} positions"


def _rope_types(config: Any) -> set[str]:
    """Return the kinds of rotary positions, of all layers or by type of layer."""
    said = getattr(config, "rope_parameters", None) or {}
    kinds = [said, *(one for one in said.values() if isinstance(one, dict))]
    return {str(one["rope_type"]) for one in kinds if one.get("rope_type")}


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
