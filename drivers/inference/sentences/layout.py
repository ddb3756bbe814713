"""What a folder says of a sentence model: that it is one, and how its vectors are made.

The files are those of sentence-transformers: `modules.json` lists the steps, `1_Pooling` says how
the tokens' states become one vector. An encoder without them is pooled by the mean.

Interface:
    holds           says whether a folder or an id of the hub is a sentence model; blocking
    Layout          what the files say; `read` raises `InvalidArgument`
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ....syscalls.errors import InvalidArgument
from ..library import parts
from ..local import hub
from ..local.loader import explained, locate

#: What describes a model, without its weights.
_DESCRIPTION = ("config.json", "modules.json")
#: A model's classes that write.
_WRITERS = ("ForCausalLM", "LMHeadModel", "ForConditionalGeneration")
#: The steps that can be done; a vector has length 1 anyway.
_STEPS = ("Transformer", "Pooling", "Normalize")
#: Ways of pooling by their names in the files, the older ones as well.
_POOLING = {
    "cls": "cls",
    "mean": "mean",
    "lasttoken": "last",
    "pooling_mode_cls_token": "cls",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_lasttoken": "last",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How a model's vectors are made."""

    #: `mean` of all tokens' states, that of the first one (`cls`) or of the `last`.
    pooling: str = "mean"
    #: Tokens of a text; the rest of it is not seen. None where the files don't say.
    longest: int | None = None
    #: Whether texts are put in lower case before they come to the tokenizer.
    lower: bool = False

    @classmethod
    def read(cls, folder: Path) -> Layout:
        """Read what the files say. Raises `InvalidArgument` for a step that cannot be done."""
        said = _read(folder / "sentence_bert_config.json", dict)
        pooling = "mean"
        for step in _read(folder / "modules.json", list):
            kind = str(step.get("type", "")).rpartition(".")[2]
            if kind not in _STEPS:
                raise InvalidArgument(f"its vectors need a step {kind!r}: not supported")
            if kind == "Pooling":
                pooling = _pooling(_read(folder / str(step.get("path")) / "config.json", dict))
        longest = said.get("max_seq_length")
        return cls(
            pooling=pooling,
            longest=longest if isinstance(longest, int) and longest > 2 else None,
            lower=said.get("do_lower_case") is True,
        )


def holds(source: str) -> bool:
    """Say whether what is to be loaded makes vectors and cannot write. Raises as `load` does."""
    path, local = locate(source)
    with explained(source):
        there = Path(path).exists()
        folder = Path(path if there else hub.fetch(path, local, _DESCRIPTION))
        if (folder / "modules.json").is_file():
            return True
        return _encodes(_read(folder / "config.json", dict))


def _encodes(config: dict[str, Any]) -> bool:
    """Say whether a configuration is that of an encoder alone."""
    parts("AutoModel")  # which imports the following for all threads
    from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES as known

    made = [str(one) for one in config.get("architectures") or ()]
    return (
        config.get("model_type") in known
        and not config.get("is_encoder_decoder")
        and not config.get("is_decoder")
        and not any(one.endswith(_WRITERS) for one in made)
    )


def _pooling(said: dict[str, Any]) -> str:
    named = said.get("pooling_mode")
    if named is None:
        named = [name for name, on in said.items() if name.startswith("pooling_mode_") and on]
    modes = [named] if isinstance(named, str) else list(named)
    if len(modes) != 1 or modes[0] not in _POOLING:
        raise InvalidArgument(f"its vectors are pooled by {modes}: one of cls, mean, lasttoken")
    return _POOLING[modes[0]]


def _read(file: Path, kind: type[Any]) -> Any:
    """Return what a file holds; nothing for a missing one."""
    if not file.is_file():
        return kind()
    try:
        said = json.loads(file.read_text())
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidArgument(f"{file.name} cannot be read: {error}") from error
    entries = said if isinstance(said, list) else []
    if not isinstance(said, kind) or not all(isinstance(one, dict) for one in entries):
        raise InvalidArgument(f"{file.name} does not hold what it should")
    return said
