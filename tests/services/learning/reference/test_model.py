"""The reference transformer is trained, saved, loaded and asked to write as any model is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from transformers import (
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForMaskedLM,
    AutoModelForSeq2SeqLM,
)

from llmagentos.services.learning.reference.configuration import ReferenceConfig
from llmagentos.services.learning.reference.model import (
    ReferenceForCausalLM,
    ReferenceForConditionalGeneration,
    ReferenceForMaskedLM,
    ReferenceModel,
    register,
)

Auto = AutoModelForCausalLM | AutoModelForMaskedLM | AutoModelForSeq2SeqLM


def config(**changes: Any) -> ReferenceConfig:
    sizes = {"vocab_size": 20, "hidden_size": 16, "num_attention_heads": 2, "dropout": 0.0}
    return ReferenceConfig(**{**sizes, **changes})


def tokens(*shape: int, seed: int = 0) -> Tensor:
    return torch.randint(3, 20, shape, generator=torch.Generator().manual_seed(seed))


def built(model: Any, **changes: Any) -> Any:
    torch.manual_seed(0)
    return model(config(**changes)).eval()


@given(st.integers(1, 3), st.integers(1, 6), st.integers(1, 6))
@settings(max_examples=20)
def test_logits_have_a_row_for_each_token(batch: int, read: int, new: int) -> None:
    for model in (ReferenceForMaskedLM, ReferenceForCausalLM):
        assert built(model)(tokens(batch, read)).logits.shape == (batch, read, 20)
    both = built(ReferenceForConditionalGeneration)
    made = both(tokens(batch, read), decoder_input_ids=tokens(batch, new))
    assert made.logits.shape == (batch, new, 20)


@given(st.integers(1, 5), st.integers(0, 4))
@settings(max_examples=20)
def test_what_comes_later_changes_nothing_before_it(length: int, later: int) -> None:
    model = built(ReferenceForCausalLM)
    whole = tokens(1, length + later)
    assert torch.allclose(
        model(whole[:, :length]).logits, model(whole).logits[:, :length], atol=1e-5
    )


@given(st.integers(1, 5), st.integers(0, 4))
@settings(max_examples=20)
def test_padding_changes_nothing(length: int, more: int) -> None:
    text = tokens(1, length)
    padded = torch.cat([text, torch.zeros(1, more, dtype=torch.long)], 1)
    real = (padded != 0).long()
    model = built(ReferenceModel)
    found = model(padded, real).last_hidden_state[:, :length]
    assert torch.allclose(model(text).last_hidden_state, found, atol=1e-5)
    both = built(ReferenceForConditionalGeneration)
    new = tokens(1, 3, seed=1)
    alone = both(text, torch.ones_like(text), decoder_input_ids=new).logits
    assert torch.allclose(alone, both(padded, real, decoder_input_ids=new).logits, atol=1e-5)


@pytest.mark.parametrize(
    ("model", "auto"),
    [
        (ReferenceForMaskedLM, AutoModelForMaskedLM),
        (ReferenceForCausalLM, AutoModelForCausalLM),
        (ReferenceForConditionalGeneration, AutoModelForSeq2SeqLM),
    ],
)
def test_a_saved_model_is_loaded_as_any_other(model: Any, auto: Any, tmp_path: Path) -> None:
    register()
    made = built(model)
    made.save_pretrained(tmp_path)
    found = auto.from_pretrained(tmp_path, local_files_only=True).eval()
    assert type(found) is model
    arguments = {"labels": tokens(2, 4, seed=1)} if made.config.is_encoder_decoder else {}
    assert torch.equal(
        made(tokens(2, 5), **arguments).logits, found(tokens(2, 5), **arguments).logits
    )
    weights = dict(found.named_parameters())
    assert "lm_head.weight" not in weights  # it is the embedding's


def test_the_encoder_of_a_masked_model_is_found_in_its_folder(tmp_path: Path) -> None:
    register()
    made = built(ReferenceForMaskedLM)
    made.save_pretrained(tmp_path)
    found = AutoModel.from_pretrained(tmp_path, local_files_only=True).eval()
    text = tokens(1, 5)
    assert torch.equal(made.model(text).last_hidden_state, found(text).last_hidden_state)


def learn(model: Any, steps: int, **batch: Tensor) -> float:
    optimiser = torch.optim.Adam(model.train().parameters(), lr=3e-3)
    for _ in range(steps):
        loss = model(**batch).loss
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
    model.eval()
    return float(loss.detach())


def test_a_causal_model_writes_what_it_has_learnt() -> None:
    model, text = built(ReferenceForCausalLM), tokens(2, 8)
    assert learn(model, 80, input_ids=text, labels=text) < 0.1
    written = model.generate(
        text[:, :2],
        attention_mask=torch.ones(2, 2).long(),
        max_new_tokens=6,
        do_sample=False,
    )
    assert torch.equal(written, text)


def test_an_encoder_and_decoder_learn_to_turn_a_text_round() -> None:
    model = built(ReferenceForConditionalGeneration, bos_token_id=1, eos_token_id=2)
    text = tokens(8, 5)
    labels = torch.cat([text.flip(1), torch.full((8, 1), 2)], 1)
    assert learn(model, 150, input_ids=text, labels=labels) < 0.1
    written = model.generate(text, max_new_tokens=6, do_sample=False)
    assert torch.equal(written[:, 1:], labels)


def test_labels_that_do_not_count_do_not() -> None:
    model, text = built(ReferenceForMaskedLM), tokens(2, 6)
    labels = text.clone()
    labels[:, 1:] = -100
    whole = model(text).logits[:, 0]
    wanted = torch.nn.functional.cross_entropy(whole, text[:, 0])
    assert torch.allclose(model(text, labels=labels).loss, wanted)
