"""A sentence model of random weights."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

#: Words that the small model knows.
WORDS = "the a cat dog ship sails sleeps on sea mat night . ,".split()
Build = Callable[..., Path]


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """Save a BERT of random weights in the layout of sentence-transformers."""
    from transformers import BertConfig, BertModel

    def make(
        name: str = "small",
        pooling: Any = None,
        steps: tuple[str, ...] = ("Transformer", "Pooling", "Normalize"),
        longest: int | None = 16,
        tokenizer: bool = True,
        model: type[Any] = BertModel,
        **changes: Any,
    ) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        fields = {
            "vocab_size": 32, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
            "intermediate_size": 32, "max_position_embeddings": 24, **changes,
        }  # fmt: skip
        torch.manual_seed(0)
        model(BertConfig(**fields)).save_pretrained(folder)
        if tokenizer:
            _tokenizer(folder)
        if steps:
            listed = [
                {
                    "idx": at,
                    "name": str(at),
                    "path": f"{at}_{step}" if at else "",
                    "type": f"sentence_transformers.models.{step}",
                }
                for at, step in enumerate(steps)
            ]
            (folder / "modules.json").write_text(json.dumps(listed))
            (folder / "1_Pooling").mkdir()
            said = pooling or {"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False}
            (folder / "1_Pooling" / "config.json").write_text(json.dumps(said))
        if longest:
            (folder / "sentence_bert_config.json").write_text(
                json.dumps({"max_seq_length": longest})
            )
        return folder

    return make


def _tokenizer(folder: Path) -> None:
    from transformers import BertTokenizerFast

    marks = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    vocabulary = {word: at for at, word in enumerate([*marks, *WORDS])}
    BertTokenizerFast(vocab=vocabulary).save_pretrained(folder)
