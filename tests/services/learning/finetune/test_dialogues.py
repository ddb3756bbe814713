"""The assistant's tokens are learnt, and no others."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer

from llmagentos.services.learning.embedded.dialogue import converse
from llmagentos.services.learning.embedded.dialogue import encode as written_out
from llmagentos.services.learning.finetune.dialogues import IGNORED, Collator, Dialogue, encode
from llmagentos.syscalls.errors import InvalidArgument

EMBEDDED = Path(__file__).parents[4] / "drivers/inference/embedded"
#: Earlier thoughts are dropped, as many a template does.
FORGETFUL = """\
{%- for message in messages -%}
{{- '<|im_start|>' + message.role + '\\n' -}}
{%- if message.role == 'assistant' and loop.last -%}{{- message.thought -}}{%- endif -%}
{{- message.content + '<|im_end|>\\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}"""


@pytest.fixture
def tokenizer() -> Any:
    return AutoTokenizer.from_pretrained(EMBEDDED, local_files_only=True)


def dialogue(*messages: dict[str, Any], **more: Any) -> Dialogue:
    return Dialogue.model_validate({"messages": list(messages), **more})


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def assistant(text: str, **more: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": text, **more}


def learnt(one: Any, tokenizer: Any) -> str:
    return str(tokenizer.decode([id for id in one.labels if id != IGNORED]))


@pytest.mark.parametrize("seed", range(20))
def test_tokens_are_those_that_the_shipped_model_was_trained_on(seed: int, tokenizer: Any) -> None:
    made = converse(random.Random(seed))
    tools = [{"type": "function", "function": {"name": name}} for name in made.tools]
    given = dialogue(*made.messages, tools=tools)
    (found,) = encode(given.messages, given.tools, tokenizer)
    assert (found.ids, found.learnt) == written_out(made, tokenizer)


def test_a_call_is_learnt_whether_its_arguments_are_a_text_or_a_table(tokenizer: Any) -> None:
    texts = []
    for arguments in ({"key": "a"}, json.dumps({"key": "a"})):
        call = {"type": "function", "function": {"name": "memory_get", "arguments": arguments}}
        said = dialogue(user("What is a?"), assistant("", tool_calls=[call]))
        (found,) = encode(said.messages, None, tokenizer)
        texts.append(learnt(found, tokenizer))
    assert set(texts) == {
        '<tool_call>{"name": "memory_get", "arguments": {"key": "a"}}</tool_call><|im_end|>'
    }


def test_only_what_comes_after_a_prompt_is_learnt_where_that_is_asked(tokenizer: Any) -> None:
    said = dialogue(user("one"), assistant("two"), user("three"), assistant("four"))
    (found,) = encode(said.messages, None, tokenizer, first=2)
    assert learnt(found, tokenizer) == "four<|im_end|>"


def test_a_template_that_forgets_makes_an_example_of_each_turn(tokenizer: Any) -> None:
    tokenizer.chat_template = FORGETFUL
    said = dialogue(
        user("one"),
        assistant("two", thought="hm "),
        user("three"),
        assistant("four", thought="oh "),
    )
    first, second = encode(said.messages, None, tokenizer)
    assert learnt(first, tokenizer) == "hm two<|im_end|>"
    assert learnt(second, tokenizer) == "oh four<|im_end|>"
    assert "hm" not in tokenizer.decode(second.ids)


@pytest.mark.parametrize(
    ("template", "message"),
    [
        (None, "no chat template"),
        ("{{ raise_exception('no tools') }}", "refuses a dialogue: no tools"),
        ("{{ messages[0].content.nothing.there }}", "refuses a dialogue"),
        ("{% if add_generation_prompt %}x{% else %}y{% endif %}", "does not begin an answer"),
    ],
)
def test_a_template_that_cannot_have_a_dialogue_is_an_error(
    template: str | None, message: str, tokenizer: Any
) -> None:
    tokenizer.chat_template = template
    said = dialogue(user("one"), assistant("two"))
    with pytest.raises(InvalidArgument, match=message):
        encode(said.messages, None, tokenizer)


def test_batches_are_padded_on_the_right() -> None:
    batch = Collator(7)(
        [{"input_ids": [1, 2, 3], "labels": [-100, 2, 3]}, {"input_ids": [4], "labels": [4]}]
    )
    assert batch["input_ids"].tolist() == [[1, 2, 3], [4, 7, 7]]
    assert batch["labels"].tolist() == [[-100, 2, 3], [4, -100, -100]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1], [1, 0, 0]]
