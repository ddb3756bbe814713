"""A sentence model's weights: a batch of texts' tokens becomes vectors.

Interface:
    SentenceModel   `vectors`
    load            blocking; raises `NotFound`, `InvalidArgument` or `DeviceError`
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from ....syscalls.errors import InvalidArgument, NotFound
from ..library import parts
from ..local import hub, linear
from ..local.loader import ALONE, explained, locate
from .layout import Layout
from .reader import Reader

Dtype = Literal["float32", "bfloat16"]
#: What a tokenizer is read from; transformers makes an empty one where there is nothing.
_TOKENIZERS = ("tokenizer.json", "vocab.txt", "vocab.json", "*.model")
#: Tokens of a text where no file says how many the model has been trained on.
_USUAL = 512
#: Weights that vectors do without: a model's own way to pool, and what it guesses words with.
_SPARE = ("pooler.", "cls.", "lm_head.", "predictions.")
_TRIAL = ("A harbour at night.", "The ferry leaves when the tide allows it, and not before.")
#: How far two vectors of length 1 may be apart that should be the same.
_APART = {torch.float32: 1e-3, torch.bfloat16: 5e-2}


class SentenceModel:
    """Weights with the way in which tokens' states become one vector."""

    def __init__(self, name: str, model: Any, reader: Reader, pooling: str, longest: int) -> None:
        self.name = name
        self.reader = reader
        #: Tokens of a text, at most.
        self.longest = longest
        self.parameters = sum(p.numel() for p in model.parameters())
        self._model = model
        self._pooling = pooling

    @torch.inference_mode()
    def vectors(self, texts: Sequence[Sequence[int]]) -> Tensor:
        """Return vectors of length 1, float32 [texts, width], for texts of tokens."""
        lengths = torch.tensor([len(one) for one in texts])
        ids = torch.zeros(len(texts), int(lengths.max()), dtype=torch.long)
        for row, one in zip(ids, texts, strict=True):
            row[: len(one)] = torch.tensor(one)
        mask = torch.arange(ids.shape[1]) < lengths[:, None]
        states = self._model(input_ids=ids, attention_mask=mask.long()).last_hidden_state.float()
        if self._pooling == "mean":
            pooled = (states * mask[..., None]).sum(1) / lengths[:, None]
        else:
            at = lengths - 1 if self._pooling == "last" else torch.zeros_like(lengths)
            pooled = states[torch.arange(len(texts)), at]
        return torch.nn.functional.normalize(pooled, dim=1)

    def check(self) -> None:
        """Raise `InvalidArgument` where vectors are no numbers, or hang on what else is in a
        batch: a model of that kind cannot be batched with padding."""
        short, long = self.reader.tokens(_TRIAL)
        alone, together = self.vectors([short]), self.vectors([short, long])
        most = _APART[next(self._model.parameters()).dtype]
        if not float((alone[0] - together[0]).norm()) <= most:  # also for NaN
            raise InvalidArgument(f"{self.name} gives no vectors that a batch leaves as they are")


def load(source: str, dtype: Dtype | None = None) -> SentenceModel:
    """Load a folder, or an id of the hub. Without `dtype` it computes in bfloat16 where the
    processor does so by itself, in float32 elsewhere.

    Raises `NotFound` for a missing one, `InvalidArgument` for one that is damaged or that needs
    what is not done here, which it names.
    """
    if dtype not in (None, *get_args(Dtype)):
        raise InvalidArgument(f"dtype {dtype}: one of {', '.join(get_args(Dtype))} is wanted")
    path, local = locate(source)
    autoconfig, automodel, autotokenizer = parts("AutoConfig", "AutoModel", "AutoTokenizer")
    with explained(source):
        folder = Path(path if Path(path).exists() else hub.fetch(path, local))
        layout = Layout.read(folder)
        given = {"local_files_only": True, "trust_remote_code": False}
        config = autoconfig.from_pretrained(folder, **given)
        if getattr(config, "is_encoder_decoder", False):
            raise InvalidArgument(f"{config.model_type} has a decoder besides its encoder")
        if not any(any(folder.glob(one)) for one in _TOKENIZERS):
            raise NotFound(f"the model {source} has no tokenizer beside it")
        with ALONE:
            tokenizer = autotokenizer.from_pretrained(folder, **given)
            model, report = automodel.from_pretrained(
                folder,
                config=config,
                dtype=dtype or _usual(),
                use_safetensors=True,
                output_loading_info=True,
                **given,
            )
        _whole(report)
        linear.pack(model.train(False))
        longest = _longest(layout, tokenizer, config, model)
        reader = Reader(tokenizer, longest, layout.lower)
        made = SentenceModel(Path(path).name, model, reader, layout.pooling, longest)
        made.check()
    return made


def _usual() -> Dtype:
    return "bfloat16" if torch.cpu._is_avx512_bf16_supported() else "float32"


def _whole(report: dict[str, Any]) -> None:
    """Raise `InvalidArgument` where weights were missing, in whose place numbers are random."""
    missing = [one for one in report["missing_keys"] if not one.startswith(_SPARE)]
    missing += [one[0] for one in report["mismatched_keys"]]
    if missing:
        raise InvalidArgument(f"{len(missing)} of its weights are missing, such as {missing[0]}")


def _longest(layout: Layout, tokenizer: Any, config: Any, model: Any) -> int:
    """Return the tokens that a text may have."""
    known = [layout.longest or _USUAL, tokenizer.model_max_length]
    if layout.longest is None and tokenizer.model_max_length < 1 << 20:
        known.pop(0)
    places = getattr(config, "max_position_embeddings", None)
    if places:
        # RoBERTa and its kin count from behind the number that stands for padding.
        table = getattr(getattr(model, "embeddings", None), "position_embeddings", None)
        first = getattr(table, "padding_idx", None)
        known.append(places if first is None else places - first - 1)
    return int(min(known))
