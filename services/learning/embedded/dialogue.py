"""Dialogues for training: what the chat template renders, with the expert's part marked.

Interface:
    Dialogue        messages and offered tools
    converse        draws a dialogue of one to three requests in one world
    encode          token ids, and which of them the model must learn to produce
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from .mix import POLISH, Mix
from .sampler import Sampler
from .tasks import Call, Task, demonstrate
from .vocabulary import Vocabulary
from .world import LocalWorld

__all__ = ["Dialogue", "converse", "encode", "request", "tool_call"]

#: how often a phrasing has a typing error, or a word too much or too little
_SLIPS = 0.06
_SYSTEMS = (
    "You are a helpful agent.",
    "You are an agent of LLMAgentOS.",
    "You are a careful assistant. Use the tools.",
    "Solve the task with the tools.",
    "Answer briefly.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialogue:
    """One conversation, finished."""

    messages: tuple[dict[str, Any], ...]
    tools: tuple[str, ...]


def tool_call(call: Call, number: int = 0) -> dict[str, Any]:
    """The call as an OpenAI `tool_calls` entry with arguments as a dictionary."""
    function = {"name": call.tool, "arguments": dict(call.arguments)}
    return {"id": f"call_{number}", "type": "function", "function": function}


def request(task: Task) -> list[dict[str, Any]]:
    """The messages that a task starts with."""
    return [{"role": "user", "content": task.prompt}]


def _turn(task: Task, world: LocalWorld) -> Iterator[dict[str, Any]]:
    yield from request(task)
    shown = demonstrate(task, world)
    for number, (call, result) in enumerate(shown.steps):
        yield {"role": "assistant", "content": "", "tool_calls": [tool_call(call, number)]}
        yield {"role": "tool", "content": result, "tool_call_id": f"call_{number}"}
    yield {"role": "assistant", "content": shown.answer}


def converse(rng: random.Random, mix: Mix = POLISH) -> Dialogue:
    """One to three requests in one world; tools are offered once, as in a session."""
    vocabulary = Vocabulary(rng, common=mix.common)
    sampler = Sampler(rng, vocabulary, slips=_SLIPS, mix=mix)
    messages: list[dict[str, Any]] = []
    if rng.random() < 0.45:
        words = vocabulary.words(2, 6)
        system = rng.choice(_SYSTEMS) if rng.random() < 0.7 else f"You are {words}."
        for _ in range(rng.choices((0, 1, 2, 3), weights=(6, 2, 1, 1))[0]):
            system += rng.choice(" \n") + vocabulary.words(2, 8).capitalize() + "."
        messages.append({"role": "system", "content": system})
    task = sampler.task()
    tools = task.tools if rng.random() > 0.01 else ()
    task = _offering(task, tools)
    world = task.world()
    messages += _turn(task, world)
    for _ in range(rng.choices((0, 1, 2), weights=(60, 25, 15))[0]):
        sampler.memory, sampler.files = world.memory, world.files
        later = sampler.task(refuse=0.0)
        world.facts, world.passages = dict(later.facts), later.passages
        if not _needs(later) <= set(tools) and rng.random() < 0.7:
            continue
        messages += _turn(_offering(later, tools), world)
    return Dialogue(messages=tuple(messages), tools=tools)


def _needs(task: Task) -> set[str]:
    return {step.tool for clause in task.clauses for step in clause.steps}


def _offering(task: Task, tools: tuple[str, ...]) -> Task:
    return replace(task, tools=tools)


def _pieces(dialogue: Dialogue) -> Iterator[tuple[str, bool]]:
    """What the chat template writes, cut where learning begins and ends."""
    messages = list(dialogue.messages)
    system = messages.pop(0)["content"] if messages[0]["role"] == "system" else ""
    if system or dialogue.tools:
        offered = " ".join(["Tools:", *dialogue.tools]) if dialogue.tools else ""
        head = "\n".join(filter(None, (system, offered)))
        yield f"<|im_start|>system\n{head}<|im_end|>\n", False
    for message in messages:
        text = message["content"]
        for call in message.get("tool_calls", ()):
            function = call["function"]
            arguments = json.dumps(function["arguments"], ensure_ascii=False)
            text += (
                f'<tool_call>{{"name": "{function["name"]}", "arguments": {arguments}}}</tool_call>'
            )
        yield f"<|im_start|>{message['role']}\n", False
        yield f"{text}<|im_end|>", message["role"] == "assistant"
        yield "\n", False


def encode(dialogue: Dialogue, tokenizer: Any) -> tuple[list[int], list[bool]]:
    """Token ids and the mask of learnt ones; the ids equal those of the chat template."""
    ids: list[int] = []
    learnt: list[bool] = []
    pieces = list(_pieces(dialogue))
    encoded = tokenizer([text for text, _ in pieces], add_special_tokens=False)["input_ids"]
    for (_, wanted), part in zip(pieces, encoded, strict=True):
        ids += part
        learnt += [wanted] * len(part)
    return ids, learnt
