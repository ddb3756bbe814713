"""Episodes as token ids."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer

import llmagentos
from llmagentos.services.learning.embedded.dialogue import Dialogue, encode, tool_call
from llmagentos.services.learning.embedded.sampler import Sampler
from llmagentos.services.learning.embedded.tasks import demonstrate
from llmagentos.services.learning.embedded.vocabulary import Vocabulary
from llmagentos.services.learning.embedded.world import schemas
from llmagentos.services.learning.language.lesson import lessons
from llmagentos.syscalls.learning import Deed, Episode

SHIPPED = Path(llmagentos.__path__[0]) / "drivers" / "inference" / "embedded"


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return AutoTokenizer.from_pretrained(SHIPPED, local_files_only=True)


def episode(*deeds: Deed) -> Episode:
    return Episode(
        pid=9, name="pupil", program="pupil", task=None, principal="ada", started=0.0, ended=1.0,
        exit_code=0, usage={}, deeds=list(deeds), rewards=[],
    )  # fmt: skip


def chat(messages: list[Any], tools: list[Any], **action: Any) -> Deed:
    return Deed(
        seq=1, time=0.0, syscall="model.chat", subject=None,
        state={"messages": list(messages), "tools": tools},
        action={"content": "", "tool_calls": [], "finish_reason": "stop", **action}, result=None,
        outcome="ok", logprob=-1.0,
    )  # fmt: skip


def conversation(seed: int) -> tuple[Episode, Dialogue]:
    rng = random.Random(seed)
    task = Sampler(rng, Vocabulary(rng)).task()
    shown = demonstrate(task)
    messages: list[Any] = [{"role": "user", "content": task.prompt}]
    deeds, tools = [], schemas(task.tools)
    for number, (call, result) in enumerate(shown.steps):
        said = tool_call(call, number)
        said["function"]["arguments"] = json.dumps(dict(call.arguments), ensure_ascii=False)
        deeds.append(chat(messages, tools, tool_calls=[said], finish_reason="tool_calls"))
        messages.append({"role": "assistant", "content": "", "tool_calls": [tool_call(call)]})
        messages.append({"role": "tool", "content": result, "tool_call_id": f"call_{number}"})
    deeds.append(chat(messages, tools, content=shown.answer))
    messages.append({"role": "assistant", "content": shown.answer})
    return episode(*deeds), Dialogue(messages=tuple(messages), tools=task.tools)


@pytest.mark.parametrize("seed", range(12))
def test_a_conversation_is_one_sequence_with_the_models_own_words_marked(
    tokenizer: Any, seed: int
) -> None:
    did, dialogue = conversation(seed)
    [lesson] = lessons(did, tokenizer)
    ids, learnt = encode(dialogue, tokenizer)
    assert lesson.ids == ids[: len(lesson.ids)]
    marked = [False] * len(lesson.ids)
    for action in lesson.actions:
        marked[action.start : action.end] = [True] * (action.end - action.start)
    assert marked == learnt[: len(lesson.ids)]
    assert len(lesson.actions) == len(did.deeds)


def test_a_reply_that_was_cut_has_no_end(tokenizer: Any) -> None:
    asked = [{"role": "user", "content": "hello"}]
    [whole] = lessons(episode(chat(asked, [], content="one two")), tokenizer)
    [cut] = lessons(episode(chat(asked, [], content="one two", finish_reason="length")), tokenizer)
    assert whole.ids == [*cut.ids, tokenizer.eos_token_id]


def test_a_conversation_that_begins_anew_is_another_sequence(tokenizer: Any) -> None:
    first, second = ([{"role": "user", "content": text}] for text in ("hello", "good morning"))
    made = lessons(episode(chat(first, [], content="a"), chat(second, [], content="b")), tokenizer)
    assert len(made) == 2


def test_what_was_not_kept_whole_or_failed_is_left_out(tokenizer: Any) -> None:

    asked = [{"role": "user", "content": "hello"}]
    good = chat(asked, [], content="a")
    broken = replace(good, whole=False, state={})
    failed = replace(good, outcome="EDEVICE", action={})
    assert len(lessons(episode(broken, failed, good), tokenizer)) == 1
    assert lessons(episode(failed), tokenizer) == []
