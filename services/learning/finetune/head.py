"""A classifier: an encoder, what is taken of its vectors, and one linear map.

Interface:
    PooledConfig, PooledForSequenceClassification   the model, as transformers keeps it
    on              puts a head on an encoder
    classify        what a saved classifier says of texts
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PretrainedConfig,
    PreTrainedModel,
)
from transformers.modeling_outputs import SequenceClassifierOutput

from ..reference.model import register as register_reference


class PooledConfig(PretrainedConfig):
    """The encoder's configuration, the labels (`id2label`), and what is taken of its vectors."""

    model_type = "pooled-classifier"

    def __init__(
        self,
        encoder: dict[str, Any] | None = None,
        pooling: str = "mean",
        freeze: bool = False,
        **more: Any,
    ) -> None:
        self.encoder = encoder or {}
        self.pooling = pooling
        self.freeze = freeze
        super().__init__(**more)


class PooledForSequenceClassification(PreTrainedModel):
    """p(label | text) = softmax(W h + b), where h is the first token's vector, the last one's, or
    the mean of all (Devlin et al. 2018, 4.1, take the first)."""

    config_class = PooledConfig

    def __init__(self, config: PooledConfig) -> None:
        super().__init__(config)
        register_reference()
        self.encoder: Any = AutoModel.from_config(AutoConfig.for_model(**config.encoder))
        self.score = nn.Linear(self.encoder.config.hidden_size, config.num_labels or 0)
        self.post_init()

    def train(self, mode: bool = True) -> Any:
        """A frozen encoder has no dropout."""
        super().train(mode)
        if self.config.freeze:
            self.encoder.train(False)
            self.encoder.requires_grad_(False)
        return self

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, labels: Tensor | None = None, **_: Any
    ) -> Any:
        """input_ids and attention_mask [B, length], padded on the right, labels [B] → logits
        [B, labels], and the cross-entropy's mean."""
        made = self.encoder(input_ids=input_ids, attention_mask=attention_mask)
        logits = self.score(pooled(made.last_hidden_state, attention_mask, self.config.pooling))
        loss = None if labels is None else cross_entropy(logits.float(), labels)
        return SequenceClassifierOutput(loss=loss, logits=logits)


def pooled(hidden: Tensor, real: Tensor, pooling: str) -> Tensor:
    """Return one vector for each text: hidden [B, length, width], `real` [B, length] 1 for tokens
    and 0 for the padding after them → [B, width]."""
    if pooling == "first":
        return hidden[:, 0]
    if pooling == "last":
        return hidden[torch.arange(len(hidden)), real.sum(1) - 1]
    weights = real[..., None].to(hidden.dtype)
    return (hidden * weights).sum(1) / weights.sum(1)


def on(encoder: Any, labels: Sequence[str], *, pooling: str, freeze: bool) -> Any:
    """Return a classifier whose encoder is the one that is given; its head is random."""
    config = PooledConfig(
        encoder=encoder.config.to_dict(),
        pooling=pooling,
        freeze=freeze,
        id2label=dict(enumerate(labels)),
        label2id={label: place for place, label in enumerate(labels)},
    )
    model = PooledForSequenceClassification(config)
    model.encoder = encoder
    return model.train()


def register() -> None:
    """Let transformers' Auto classes know classifiers."""
    AutoConfig.register(PooledConfig.model_type, PooledConfig, exist_ok=True)
    AutoModelForSequenceClassification.register(
        PooledConfig, PooledForSequenceClassification, exist_ok=True
    )


def classify(folder: Path, texts: Sequence[str], length: int = 128) -> list[dict[str, float]]:
    """Return for each text the probabilities of the labels, as a saved classifier has them."""
    register()
    tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    model: Any = AutoModelForSequenceClassification.from_pretrained(folder, local_files_only=True)
    batch = tokenizer(
        list(texts), truncation=True, max_length=length, padding=True, return_tensors="pt"
    )
    with torch.inference_mode():
        logits = model.train(False)(batch["input_ids"], batch["attention_mask"]).logits
    names = model.config.id2label
    return [{names[place]: float(p) for place, p in enumerate(row)} for row in logits.softmax(-1)]
