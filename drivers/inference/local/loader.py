"""Loading a model from a folder or a hub, or refusing it by the name of what it needs.

Interface:
    Dtype           in what a model computes
    Loaded          a model with its tokenizer
    load            blocking; raises `NotFound`, `InvalidArgument` or `DeviceError`
    locate          finds a folder or an id
    ALONE           held while a model is read
    explained       turns what reading a model fails with into those errors
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from ....syscalls.errors import DeviceError, InvalidArgument, LLMAgentOSError, NotFound
from ..library import parts
from . import adapter, hub, linear

Dtype = Literal["float32", "bfloat16", "int8"]
#: While it loads, transformers patches itself and torch for all threads. Two loads at once leave
#: some of that behind: weights that are never set, then and in every later load.
ALONE = threading.Lock()
#: Layer types whose state the engine keeps.
_LAYERS = frozenset({"full_attention", "sliding_attention", "conv"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A model with its tokenizer."""

    model: Any
    tokenizer: Any
    name: str
    #: The configuration of the part that reads and writes text; its `max_position_embeddings` are
    #: what the engine serves.
    config: Any


def load(source: str, dtype: Dtype = "float32") -> Loaded:
    """Load a folder, or an id of the hub; of an adapter's folder, its base model with the adapter.

    In `int8` its linear layers compute in integers, with a small loss (`linear`), and all else in
    float32.

    Raises `NotFound` for a missing one, `InvalidArgument` for one that is damaged or that needs
    what the engine does not do, which it names.
    """
    if dtype not in get_args(Dtype):
        raise InvalidArgument(f"dtype {dtype}: one of {', '.join(get_args(Dtype))} is wanted")
    adapted = Path(source).expanduser() if adapter.holds(source) else None
    path, local = locate(source if adapted is None else adapter.base(adapted))
    autoconfig, automodel, autotokenizer = parts(
        "AutoConfig", "AutoModelForCausalLM", "AutoTokenizer"
    )
    with explained(source):
        config = autoconfig.from_pretrained(path, local_files_only=local)
        refuse(config)
        folder = path if Path(path).exists() else hub.fetch(path, local)
        with ALONE:
            tokenizer = autotokenizer.from_pretrained(folder, local_files_only=True)
            model = automodel.from_pretrained(
                folder,
                config=config,
                local_files_only=True,
                dtype="bfloat16" if dtype == "bfloat16" else "float32",
            )
            if adapted is not None:
                adapter.merge(model, adapted)
            if dtype == "int8":
                linear.quantise(model)
    model.train(False)
    return Loaded(
        model=model,
        tokenizer=tokenizer,
        name=(adapted or Path(path)).name,
        config=bounded(config.get_text_config()),
    )


@contextmanager
def explained(source: str) -> Iterator[None]:
    """Raise what reading a model fails with as one of our errors, in one line."""
    try:
        yield
    except LLMAgentOSError:
        raise
    except OSError as error:
        raise NotFound(f"the model {source} cannot be found: {_first_line(error)}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidArgument(f"the model {source} cannot be read: {_first_line(error)}") from error
    except Exception as error:  # safetensors and the tokenizers' own errors have no common base
        raise DeviceError(f"the model {source} cannot be loaded: {_first_line(error)}") from error


def locate(source: str) -> tuple[str, bool]:
    """Return a folder or an id, and whether to look on this machine alone. Raises `NotFound`."""
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
    """Raise `InvalidArgument` for what the engine lacks, before any weights are fetched.

    It names what configurations tell. What a layer's attention needs is told by the model's code
    (`survey`), and what nothing tells shows in the outcome (`probe`).
    """
    found = list(_missing(config.get_text_config()))
    if getattr(config, "is_encoder_decoder", False):
        found.append("an encoder")
    if found:
        raise InvalidArgument(f"{config.model_type} needs {', '.join(found)}: not supported")


def _missing(config: Any) -> Iterator[str]:
    for one in sorted(set(getattr(config, "layer_types", None) or ()) - _LAYERS):
        yield f"layers of type {one}"
    if any(one in config.model_type for one in ("lstm", "mamba", "rwkv")):
        yield "a recurrent state"


def bounded(config: Any) -> Any:
    """Return a configuration whose `max_position_embeddings` no context may pass.

    Positions of type `longrope` change for a whole batch as soon as one of its contexts is longer
    than those of the model's first training; up to there every context has its own. (Those of type
    `dynamic` change beyond `max_position_embeddings`.)
    """
    said = getattr(config, "rope_parameters", None) or {}
    firsts = [
        one["original_max_position_embeddings"]
        for one in (said, *said.values())
        if isinstance(one, dict) and one.get("rope_type") == "longrope"
    ]
    if firsts:
        config = copy.copy(config)
        config.max_position_embeddings = min(firsts)
    return config


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
