"""What is learned from episodes: those that repeat or matter as they are, or, where the caller's
model reads them, what it writes down.

Interface:
    lessons         episodes as drafts of semantic memory, without a model
    extract         what the model makes of them
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ...syscalls.errors import InvalidArgument
from ...syscalls.memory import Recollection
from ...syscalls.model import ChatReply, Grammar, Message
from ...syscalls.os import OS
from .draft import Draft

#: How often an episode has to repeat, or how much to matter, to be learned as it is.
REPEATED, MATTERS = 2, 0.7
#: What each repetition adds to how much it matters.
EACH = 0.1
#: Episodes that the model reads at once, characters of each, and tokens of its answer.
TOGETHER, LONGEST, ANSWER = 16, 400, 400
_TASK = (
    "Below are numbered events. Write down the lasting facts that they show, each in one plain"
    " sentence that stands on its own, with the numbers of its events. Leave out what only"
    " happened once and does not matter. Answer in JSON."
)
GRAMMAR: Grammar = {
    "json_schema": {
        "type": "object",
        "properties": {
            "facts": {
                "type": "array",
                "maxItems": 8,
                "items": {
                    "type": "object",
                    "properties": {
                        "text": {"type": "string", "minLength": 1, "maxLength": 300},
                        "events": {
                            "type": "array",
                            "items": {"type": "integer", "minimum": 1, "maximum": TOGETHER},
                            "minItems": 1,
                            "maxItems": TOGETHER,
                        },
                    },
                    "required": ["text", "events"],
                    "additionalProperties": False,
                },
            }
        },
        "required": ["facts"],
        "additionalProperties": False,
    }
}


def lessons(episodes: Sequence[Recollection]) -> list[Draft]:
    """Return those that repeat or matter, as semantic pieces that name them."""
    return [
        Draft(
            text=one.text,
            importance=min(1.0, one.importance + EACH * (one.times - 1)),
            source=one.source,
            untrusted=one.untrusted,
            episodes=[one.id],
            times=one.times,
        )
        for one in episodes
        if one.times >= REPEATED or one.importance >= MATTERS
    ]


async def extract(os: OS, episodes: Sequence[Recollection]) -> tuple[list[Draft], int]:
    """Let the caller's model say what episodes show; return drafts, and how many of its answers
    were of no use. What is too long for it is read in halves. Raises as `model.chat` does."""
    events = "\n".join(
        f"{number}. {one.text[:LONGEST]}" for number, one in enumerate(episodes, start=1)
    )
    messages: list[Message] = [
        {"role": "system", "content": _TASK},
        {"role": "user", "content": events},
    ]
    try:
        reply: ChatReply = await os.model.chat(messages, max_tokens=ANSWER, grammar=GRAMMAR)
    except InvalidArgument as error:
        if "context" not in error.details:
            raise
        half = len(episodes) // 2
        if not half:
            return [], 1
        first, useless = await extract(os, episodes[:half])
        second, more = await extract(os, episodes[half:])
        return [*first, *second], useless + more
    try:
        facts = json.loads(reply.content or "")["facts"]
        return [_draft(fact, episodes) for fact in facts], 0
    except (ValueError, TypeError, KeyError, IndexError):
        # A model without grammars may answer anything; a long answer breaks off.
        return [], 1


def _draft(fact: dict[str, Any], episodes: Sequence[Recollection]) -> Draft:
    named = [episodes[int(number) - 1] for number in fact["events"] if int(number) > 0]
    if not named or not str(fact["text"]).strip():
        raise ValueError("a fact without its events or its text")
    return Draft(
        text=str(fact["text"]).strip(),
        importance=max(one.importance for one in named),
        source=named[0].source,
        untrusted=any(one.untrusted for one in episodes),
        episodes=sorted({one.id for one in named}),
    )
