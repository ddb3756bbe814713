"""From an episode to token ids: what a model read, and which tokens were its own choice.

All turns of a conversation stand in one sequence, since each begins with the one before. A reply
is the tokens that the tokenizer makes of it: where the model wrote the same text in other tokens,
the sum of their log-probabilities is not the one that was noted, and the learner leaves it out.

Interface:
    Action          a span of a sequence that was the model's own
    Lesson          a sequence with its actions
    lessons         those of an episode
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ....syscalls.learning import Deed, Episode


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """Tokens `start` to `end` of a sequence, which were the model's own."""

    start: int
    end: int
    #: Sum of their log-probabilities as they were drawn, in nats; None where nobody has noted it.
    logprob: float | None


@dataclass(slots=True, kw_only=True)
class Lesson:
    """A sequence with its actions."""

    ids: list[int] = field(default_factory=list)
    actions: list[Action] = field(default_factory=list)
    #: How much better than its group's mean the episode was.
    advantage: float = 0.0


def lessons(episode: Episode, tokenizer: Any) -> list[Lesson]:
    """Return what an episode says, as one sequence or, where a conversation began anew, several.

    A turn that was not kept whole ends a sequence.
    """
    made: list[Lesson] = []
    text = ""
    for deed in episode.deeds:
        if deed.syscall != "model.chat" or deed.outcome != "ok":
            continue
        if not deed.whole:
            text = ""
            continue
        prompt, reply = _turn(deed, tokenizer)
        if not text or not prompt.startswith(text):
            made.append(Lesson())
            text = ""
        lesson = made[-1]
        lesson.ids += _ids(prompt[len(text) :], tokenizer)
        start = len(lesson.ids)
        lesson.ids += _ids(reply, tokenizer)
        lesson.actions.append(Action(start=start, end=len(lesson.ids), logprob=deed.logprob))
        text = prompt + reply
    return [one for one in made if one.actions]


def _turn(deed: Deed, tokenizer: Any) -> tuple[str, str]:
    """Return the text that the model read, and the one that it wrote, with its end."""
    messages, tools = list(deed.state["messages"]), deed.state.get("tools") or None
    said = {
        "role": "assistant",
        "content": deed.action.get("content") or "",
        "tool_calls": deed.action.get("tool_calls") or None,
    }
    prompt: str = tokenizer.apply_chat_template(
        messages, tools=tools, add_generation_prompt=True, tokenize=False
    )
    whole: str = tokenizer.apply_chat_template([*messages, said], tools=tools, tokenize=False)
    if not whole.startswith(prompt):
        return whole, ""
    reply, end, _ = whole[len(prompt) :].rpartition(tokenizer.eos_token)
    cut = deed.action.get("finish_reason") == "length"
    return prompt, reply if cut else reply + end


def _ids(text: str, tokenizer: Any) -> list[int]:
    ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    return ids
