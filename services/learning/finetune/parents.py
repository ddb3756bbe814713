"""The model that a job goes on from, as it was when the job began.

Interface:
    fetch           its folder below the job's; it stays until another recipe comes
    tokenizer       its tokenizer
    causal          it, as one that says what comes next, adapters merged
    encoder         it, as one that turns tokens to vectors
    adapted         whether it is an adapter
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ....syscalls.errors import InvalidArgument, LLMAgentOSError
from ..job import Job
from ..reference.model import register
from ..training.checkpoints import fingerprint
from ..training.failures import memory, writing
from .adapters import SETTINGS, merged

#: How the names of models end that say nothing next, though some can be read as if they did.
_OTHERS = ("ForMaskedLM", "ForPreTraining", "ForSequenceClassification", "ForTokenClassification")
#: Weights of an encoder that nothing here uses.
_UNUSED = ("pooler.",)


def fetch(job: Job, parent: str) -> Path:
    """Return the folder of a model of the store. Raises `NotFound`, and `InvalidArgument` for an
    adapter without its parent."""
    folder = job.folder / "prepared" / fingerprint({"of": job.recipe})
    if not folder.exists():
        shutil.rmtree(folder.parent, ignore_errors=True)
        aside = folder.with_suffix(".aside")
        with writing("the parent"):
            folder.parent.mkdir(parents=True)
            job.ask(job.os.learning.fetch(parent, aside.relative_to(job.folder).as_posix()))
            aside.rename(folder)
    if adapted(folder) and not (folder / "parent").is_dir():
        raise InvalidArgument(f"{parent} is an adapter, and its parent is missing")
    return folder


def adapted(folder: Path) -> bool:
    """Say whether a folder is an adapter."""
    return (folder / SETTINGS).is_file()


def tokenizer(folder: Path) -> Any:
    """Return a fast tokenizer that can pad. Raises `InvalidArgument`."""
    from transformers import AutoTokenizer

    while adapted(folder):
        folder = folder / "parent"
    with _explained("the parent's tokenizer cannot be read"):
        found: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    if not found.is_fast:
        raise InvalidArgument("the parent's tokenizer does not say where its tokens stand")
    if found.pad_token is None:
        found.pad_token = found.eos_token
    if found.pad_token is None:
        raise InvalidArgument("the parent's tokenizer has no token to pad with")
    return found


def causal(folder: Path) -> Any:
    """Return a model in float32. Raises `InvalidArgument` for one that says nothing next."""
    from transformers import AutoModelForCausalLM

    register()
    with _explained("the parent is no model that writes"), memory("while the parent was loaded"):
        if not adapted(folder):
            return _whole(AutoModelForCausalLM, folder, refused=_OTHERS)
        return merged(causal(folder / "parent"), folder)


def encoder(folder: Path, *, learnt: bool) -> Any:
    """Return a model without its head, in float32; with random weights where not `learnt`."""
    from transformers import AutoConfig, AutoModel

    register()
    with _explained("the parent is no encoder"), memory("while the parent was loaded"):
        if adapted(folder):
            return _body(causal(folder))
        if learnt:
            return _whole(AutoModel, folder)
        config = AutoConfig.from_pretrained(folder, local_files_only=True)
        config.dtype = "float32"
        made: Any = AutoModel
        return made.from_config(config)


def _whole(kind: Any, folder: Path, refused: tuple[str, ...] = ()) -> Any:
    """Return a model, once none of its weights is missing: transformers would make them up."""
    model, found = kind.from_pretrained(
        folder, local_files_only=True, dtype="float32", output_loading_info=True
    )
    names = model.config.architectures or []
    if any(name.endswith(refused) for name in names if refused):
        raise InvalidArgument(f"the parent is no model that writes: {names[0]}")
    if lacking := sorted(key for key in found["missing_keys"] if not key.startswith(_UNUSED)):
        raise InvalidArgument(f"the parent has no weights for {lacking[0]}")
    return model


def _body(model: Any) -> Any:
    return getattr(model, model.base_model_prefix)


@contextmanager
def _explained(what: str) -> Iterator[None]:
    try:
        yield
    except (LLMAgentOSError, MemoryError):
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise InvalidArgument(f"{what}: {reason}") from error
