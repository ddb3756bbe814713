"""Training dialogues and the tokenizer."""

from __future__ import annotations

import random
from typing import Any

import pytest

from llmagentos.services.learning.embedded.dialogue import converse, encode
from llmagentos.services.learning.embedded.tokenizer import train_tokenizer
from llmagentos.services.learning.embedded.world import schemas


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return train_tokenizer()


def test_dialogue_has_the_tokens_that_the_chat_template_gives(tokenizer: Any) -> None:
    for seed in range(60):
        dialogue = converse(random.Random(seed))
        ids, learnt = encode(dialogue, tokenizer)
        rendered = tokenizer.apply_chat_template(
            list(dialogue.messages), tools=schemas(dialogue.tools) or None, tokenize=True
        )
        assert ids == rendered["input_ids"]
        assert len(learnt) == len(ids)


def test_model_learns_the_assistants_words_and_nothing_else(tokenizer: Any) -> None:
    dialogue = converse(random.Random(3))
    ids, learnt = encode(dialogue, tokenizer)
    said = tokenizer.decode([one for one, yes in zip(ids, learnt, strict=True) if yes])
    for message in dialogue.messages:
        if message["role"] == "assistant":
            assert message["content"] in said
        elif message["role"] == "user" and len(message["content"]) > 20:
            assert message["content"] not in said


@pytest.mark.parametrize("text", ["budget", "X7-qa_Zürich", "12345", "two words", "a\nb", "日本"])
def test_string_is_the_same_tokens_wherever_it_stands(tokenizer: Any, text: str) -> None:
    alone = tokenizer(text, add_special_tokens=False)["input_ids"]
    within = tokenizer(f'"{text}"', add_special_tokens=False)["input_ids"]
    assert within[1:-1] == alone
    assert tokenizer.decode(alone) == text
