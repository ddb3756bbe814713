"""What is a sentence model is told from what writes, and what cannot be done is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from llmagentos.drivers.inference.sentences.layout import Layout, holds
from llmagentos.drivers.inference.targets import EMBEDDED
from llmagentos.syscalls.errors import InvalidArgument, NotFound

Build = Callable[..., Path]


def test_a_folder_of_sentence_transformers_is_told_from_one_that_writes(build: Build) -> None:
    assert holds(str(build()))
    assert not holds(str(EMBEDDED))


def test_an_encoder_is_one_without_further_files_unless_it_is_made_to_write(build: Build) -> None:
    from transformers import BertForMaskedLM, BertLMHeadModel

    assert holds(str(build("bare", steps=())))
    assert holds(str(build("masked", steps=(), model=BertForMaskedLM)))
    assert not holds(str(build("writer", steps=(), model=BertLMHeadModel, is_decoder=True)))


def test_what_is_missing_or_damaged_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        holds(str(tmp_path / "nowhere"))
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(InvalidArgument, match=r"config\.json"):
        holds(str(tmp_path))
    (tmp_path / "config.json").write_text('{"model_type": "never_heard_of"}')
    assert not holds(str(tmp_path))


@pytest.mark.parametrize(
    ("said", "pooling"),
    [
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}, "cls"),
        ({"pooling_mode": "mean", "embedding_dimension": 16}, "mean"),
        ({"pooling_mode": ["lasttoken"]}, "last"),
    ],
)
def test_pooling_is_read_in_the_older_and_the_newer_form(
    build: Build, said: object, pooling: str
) -> None:
    assert Layout.read(build(pooling=said)) == Layout(pooling=pooling, longest=16)


@pytest.mark.parametrize(
    "said",
    [
        {"pooling_mode_max_tokens": True},
        {"pooling_mode": ["mean", "cls"]},
        {"pooling_mode": "weightedmean"},
        {"no": "mode"},
    ],
)
def test_other_pooling_is_refused_by_name(build: Build, said: object) -> None:
    with pytest.raises(InvalidArgument, match="pooled by"):
        Layout.read(build(pooling=said))


def test_a_step_that_cannot_be_done_is_refused_by_name(build: Build) -> None:
    with pytest.raises(InvalidArgument, match="'Dense'"):
        Layout.read(build(steps=("Transformer", "Pooling", "Dense")))


@pytest.mark.parametrize("said", ["{", "7", "[7]", json.dumps({"a": 1})])
def test_damaged_modules_are_no_crash(build: Build, said: str) -> None:
    folder = build()
    (folder / "modules.json").write_text(said)
    with pytest.raises(InvalidArgument, match=r"modules\.json"):
        Layout.read(folder)
