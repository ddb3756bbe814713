"""What a folder has to hold to be a model, found out without the libraries that would load it.

A safetensors file begins with the length of its header, 8 bytes, little-endian, and the header:
JSON that says for each tensor its type, its shape and where in the rest of the file it lies. To
read that takes no torch, which the service is not to load.

Interface:
    KINDS           what a model may be
    kind_of         what a folder's own files say that it is
    measure         the number of a folder's parameters; raises `InvalidArgument`
    settings        a file of JSON
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from ...syscalls.errors import InvalidArgument

ADAPTER, ADAPTED = "adapter_config.json", "adapter_model.safetensors"
CONFIG, POLICY = "config.json", "policy.json"
#: Of those that are read from `config.json`, how the names of their classes end.
_ENDINGS = {
    "classifier": ("ForSequenceClassification",),
    "seq2seq": ("ForConditionalGeneration", "Seq2SeqLM"),
    "masked": ("ForMaskedLM", "ForPreTraining"),
}
KINDS = frozenset({"causal", "adapter", "policy", *_ENDINGS})
#: Bytes of a file's header.
_HEADER = 100 * 2**20
_BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E4M3": 8, "F8_E5M2": 8, "I16": 16, "U16": 16, "F16": 16,
    "BF16": 16, "I32": 32, "U32": 32, "F32": 32, "I64": 64, "U64": 64, "F64": 64, "C64": 64,
}  # fmt: skip


def kind_of(path: str) -> str:
    """Return what a folder is, `causal` where it does not say. Raises `InvalidArgument`."""
    folder = Path(path)
    try:
        if (folder / ADAPTER).exists():
            return "adapter"
        if (folder / POLICY).exists():
            return "policy"
        if not (folder / CONFIG).exists():
            return "causal"
    except (OSError, ValueError) as error:
        raise InvalidArgument(f"{path!r} cannot be read: {error}") from None
    names = settings(folder / CONFIG).get("architectures")
    name = str(names[0]) if isinstance(names, list) and names else ""
    kinds = (kind for kind, endings in _ENDINGS.items() if name.endswith(endings))
    return next(kinds, "causal")


def measure(folder: Path, kind: str) -> int:
    """Return how many numbers a model's weights are, after a look at all that it is read from."""
    if kind == "adapter":
        if "peft_type" not in settings(folder / ADAPTER):
            raise InvalidArgument(f"{ADAPTER} names no peft_type")
        return _numbers(folder / ADAPTED)
    settings(folder / (POLICY if kind == "policy" else CONFIG))
    for index in folder.glob("*.safetensors.index.json"):
        named = settings(index).get("weight_map")
        if not isinstance(named, dict):
            raise InvalidArgument(f"{index.name} has no weight_map")
        for name in {str(one) for one in named.values()}:
            if Path(name).name != name or not (folder / name).is_file():
                raise InvalidArgument(f"{index.name} names {name}, which is not there")
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise InvalidArgument("there are no weights (*.safetensors) in the folder")
    return sum(map(_numbers, files))


def settings(file: Path) -> dict[str, Any]:
    """Return what a file of JSON says. Raises `InvalidArgument`, also for one that is missing."""
    try:
        said = json.loads(file.read_text())
    except FileNotFoundError:
        raise InvalidArgument(f"there is no {file.name} in the folder") from None
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidArgument(f"{file.name} cannot be read: {error}") from None
    if not isinstance(said, dict):
        raise InvalidArgument(f"{file.name} is no table")
    return said


def _numbers(file: Path) -> int:
    """Return how many numbers a file holds, once its header fits what follows it."""
    wrong = InvalidArgument(f"{file.name} is no whole file of safetensors")
    try:
        with file.open("rb") as opened:
            length = int.from_bytes(opened.read(8), "little")
            if not 2 <= length <= _HEADER:
                raise wrong
            header = json.loads(opened.read(length))
            header.pop("__metadata__", None)
            count = end = 0
            for tensor in header.values():
                numbers = math.prod(tensor["shape"])
                first, last = tensor["data_offsets"]
                bits = _BITS.get(tensor["dtype"])
                if first < 0 or (bits is not None and (last - first) * 8 != numbers * bits):
                    raise wrong
                count, end = count + numbers, max(end, last)
    except FileNotFoundError:
        raise InvalidArgument(f"there is no {file.name} in the folder") from None
    except (OSError, ValueError, RecursionError, TypeError, KeyError, AttributeError):
        raise wrong from None
    if file.stat().st_size != 8 + length + end:
        raise wrong
    return count
