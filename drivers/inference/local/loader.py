"""Loading a model from a folder or a hub, or refusing it by the name of what it needs.

Interface:
    Loaded          a model with its tokenizer
    load            blocking; raises `NotFound` or `InvalidArgument`
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ....syscalls.errors import DeviceError, InvalidArgument, NotFound

#: Layer types whose state the engine keeps.
_LAYERS = frozenset({"full_attention", "conv"})
#: Used where a tokenizer brings no template of its own.
TEMPLATE = (
    "{% for message in messages %}{{ message.role }}: {{ message.content or '' }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant:{% endif %}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A model with its tokenizer."""

    model: Any
    tokenizer: Any
    name: str


def load(source: str) -> Loaded:
    """Load a folder, or an id of the hub.

    Raises `NotFound` for a missing one, `InvalidArgument` for one that is damaged or that needs
    what the engine does not do, which it names.
    """
    # A missing folder would be taken for an id and asked for over the network, at length.
    is_folder = source.startswith((".", "/", "~")) or Path(source).exists()
    path = str(Path(source).expanduser()) if is_folder else source
    if is_folder and not (Path(path) / "config.json").is_file():
        raise NotFound(f"there is no model in {path}: a folder with a config.json is wanted")
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    local = is_folder or bool(os.environ.get("HF_HUB_OFFLINE"))
    try:
        config = AutoConfig.from_pretrained(path, local_files_only=local)
        refuse(config)
        tokenizer = AutoTokenizer.from_pretrained(path, local_files_only=local)
        model = AutoModelForCausalLM.from_pretrained(
            path, config=config, local_files_only=local, dtype="float32"
        )
    except (InvalidArgument, NotFound):
        raise
    except OSError as error:
        raise NotFound(f"the model {source} cannot be found: {_first_line(error)}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidArgument(f"the model {source} cannot be read: {_first_line(error)}") from error
    except Exception as error:  # safetensors and the tokenizers' own errors have no common base
        raise DeviceError(f"the model {source} cannot be loaded: {_first_line(error)}") from error
    if not getattr(tokenizer, "chat_template", None):
        tokenizer.chat_template = TEMPLATE
    model.train(False)
    return Loaded(model=model, tokenizer=tokenizer, name=Path(path).name)


def refuse(config: Any) -> None:
    """Raise `InvalidArgument` for a feature that would give wrong logits without a word."""
    found = []
    if getattr(config, "attn_logit_softcapping", None):
        found.append("a soft cap on attention scores")
    types = set(getattr(config, "layer_types", None) or ())
    window = getattr(config, "sliding_window", None)
    if (
        window
        and getattr(config, "use_sliding_window", True)
        and (not types or "sliding_attention" in types)
    ):
        found.append(f"a sliding window of {window}")
    if getattr(config, "kv_lora_rank", None):
        found.append("multi-head latent attention (MLA)")
    if "gpt_oss" in config.model_type:
        found.append("attention sinks")
    found += [f"layers of type {one}" for one in sorted(types - _LAYERS - {"sliding_attention"})]
    if getattr(config, "is_encoder_decoder", False):
        found.append("an encoder")
    if "mamba" in config.model_type or "rwkv" in config.model_type:
        found.append("a recurrent state")
    if found:
        raise InvalidArgument(f"{config.model_type} needs {', '.join(found)}: not supported")


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
