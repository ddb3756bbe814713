"""A classifier's head is the formula's, over whatever the encoder makes of a text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import BertConfig, BertModel, GPT2Config, GPT2Model

from llmagentos.services.learning.finetune.head import on, pooled
from llmagentos.services.learning.reference.configuration import ReferenceConfig
from llmagentos.services.learning.reference.model import ReferenceModel

IDS = torch.tensor([[5, 6, 7, 8], [9, 4, 0, 0]])
REAL = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0]])
SMALL = {"vocab_size": 20, "hidden_size": 16, "num_attention_heads": 2, "num_hidden_layers": 1}
ENCODERS = {
    "bert": lambda: BertModel(BertConfig(**SMALL, intermediate_size=32)),
    "gpt2": lambda: GPT2Model(GPT2Config(vocab_size=20, n_embd=16, n_head=2, n_layer=1)),
    "reference": lambda: ReferenceModel(ReferenceConfig(**SMALL)),
}


def test_a_text_is_its_first_tokens_vector_its_last_ones_or_the_mean_of_all() -> None:
    hidden = torch.arange(16.0).view(2, 4, 2)
    assert pooled(hidden, REAL, "first").tolist() == [[0, 1], [8, 9]]
    assert pooled(hidden, REAL, "last").tolist() == [[6, 7], [10, 11]]
    assert pooled(hidden, REAL, "mean").tolist() == [[3, 4], [9, 10]]


@pytest.mark.parametrize("pooling", ["first", "last", "mean"])
@pytest.mark.parametrize("kind", ENCODERS)
def test_logits_and_loss_are_the_formulas_and_padding_changes_nothing(
    kind: str, pooling: str
) -> None:
    torch.manual_seed(0)
    encoder: Any = ENCODERS[kind]()
    model = on(encoder, ["x", "y", "z"], pooling=pooling, freeze=False).eval()
    made = model(IDS, REAL, labels=torch.tensor([2, 0]))
    alone = encoder.eval()(input_ids=IDS[1:, :2], attention_mask=REAL[1:, :2]).last_hidden_state[0]
    h = {"first": alone[0], "last": alone[1], "mean": alone.mean(0)}[pooling]
    p = (model.score.weight @ h + model.score.bias).softmax(0)
    assert torch.allclose(made.logits[1].softmax(0), p, atol=1e-5)
    rows = made.logits.softmax(1)
    assert torch.allclose(made.loss, -(rows[0, 2].log() + rows[1, 0].log()) / 2)


@pytest.mark.parametrize("kind", ENCODERS)
def test_a_saved_classifier_is_loaded_with_its_labels(kind: str, tmp_path: Path) -> None:
    from transformers import AutoModelForSequenceClassification

    from llmagentos.services.learning.finetune.head import register

    register()
    torch.manual_seed(0)
    made = on(ENCODERS[kind](), ["x", "y"], pooling="mean", freeze=True).eval()
    made.save_pretrained(tmp_path)
    found: Any = AutoModelForSequenceClassification.from_pretrained(tmp_path, local_files_only=True)
    assert found.config.id2label == {0: "x", 1: "y"}
    assert torch.equal(made(IDS, REAL).logits, found.eval()(IDS, REAL).logits)


def test_a_frozen_encoder_stays_and_has_no_dropout() -> None:
    model = on(ENCODERS["bert"](), ["x", "y"], pooling="mean", freeze=True)
    assert model.training and not model.encoder.training
    assert [name for name, one in model.named_parameters() if one.requires_grad] == [
        "score.weight",
        "score.bias",
    ]
