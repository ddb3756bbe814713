"""How a task is judged."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from typing import Any

import pytest

from llmagentos.services.learning.embedded.dialogue import tool_call
from llmagentos.services.learning.embedded.replies import parse_reply
from llmagentos.services.learning.embedded.sampler import Sampler
from llmagentos.services.learning.embedded.solve import Chat, Outcome, prepared, solve
from llmagentos.services.learning.embedded.tasks import Task, demonstrate
from llmagentos.services.learning.embedded.vocabulary import Vocabulary


def task(kind: str, seed: int = 0) -> Task:
    rng = random.Random(seed)
    sampler = Sampler(rng, Vocabulary(rng))
    clause, text = sampler.clause(kind)
    return sampler.assemble([clause], [text], refuse=0.0)


def saying(given: Task, *, answer: str | None = None, calls: bool = True) -> Chat:
    """A model that plays the expert, but for what is given."""
    shown = demonstrate(given)
    replies: list[dict[str, Any]] = []
    if calls:
        replies = [{"tool_calls": [tool_call(call)]} for call, _ in shown.steps]
    replies.append({"content": shown.answer if answer is None else answer})
    left = iter(replies)

    async def chat(
        messages: list[dict[str, Any]], tools: list[dict[str, Any]]
    ) -> Mapping[str, Any]:
        return next(left)

    return chat


def judged(given: Task, chat: Chat) -> Outcome:
    return asyncio.run(solve(given, chat, prepared(given)))


@pytest.mark.parametrize("kind", ["compute", "store", "recall_two_store", "read_write", "time"])
def test_expert_passes(kind: str) -> None:
    given = task(kind)
    assert judged(given, saying(given)).solved


def test_right_answer_over_a_wrong_state_fails() -> None:
    given = task("store")
    assert not judged(given, saying(given, calls=False)).solved


def test_right_state_with_a_wrong_answer_fails() -> None:
    given = task("store")
    assert not judged(given, saying(given, answer="Done.")).solved


def test_model_that_never_ends_fails() -> None:
    given = task("time")

    async def endless(
        messages: list[dict[str, Any]], tools: list[dict[str, Any]]
    ) -> Mapping[str, Any]:
        return {"tool_calls": [{"id": "1", "function": {"name": "clock", "arguments": "{}"}}]}

    outcome = judged(given, endless)
    assert not outcome.solved and outcome.answer is None


def test_reply_is_parted_into_text_and_calls() -> None:
    content, calls = parse_reply('Well.<tool_call>{"name": "clock", "arguments": {}}</tool_call>')
    assert content == "Well."
    assert calls[0]["function"] == {"name": "clock", "arguments": "{}"}


@pytest.mark.parametrize("inner", ["{", "[]", '{"arguments": {}}', '{"name": "a", "arguments": 3}'])
def test_what_is_no_call_stays_text(inner: str) -> None:
    text = f"<tool_call>{inner}</tool_call>"
    assert parse_reply(text) == (text, [])
