"""From a conversation to a prompt's text, through the model's own chat template.

Interface:
    Template        `text`, `parted`, `more`; all raise `InvalidArgument`
"""

from __future__ import annotations

import json
import re
from typing import Any

from ....syscalls.errors import InvalidArgument

#: Used where a tokenizer brings no template of its own.
PLAIN = (
    "{% for message in messages %}{{ message.role }}: {{ message.content or '' }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant:{% endif %}"
)
#: A message that no template changes and no other text holds.
MARK = "f61f7a2e"
#: Put into the text of a control token, so that it is read as text: a zero-width space.
BREAK = "\u200b"


class Template:
    """Gives a template what all of them understand.

    Roles are those that every model knows, a message has a text, a call's arguments are a map, and
    no text holds a control token: what a tool has read may not end its own message.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        if not getattr(tokenizer, "chat_template", None):
            tokenizer.chat_template = PLAIN
        marks = {str(one) for one in tokenizer.added_tokens_decoder.values() if one.special}
        longest = sorted((re.escape(one) for one in marks if len(one) > 1), key=len, reverse=True)
        self._control = re.compile("|".join(longest)) if longest else None

    def text(self, messages: list[Any], tools: list[dict[str, Any]], ask: bool = True) -> str:
        """Return a conversation's text; with `ask` it asks for the next message."""
        try:
            text: str = self._tokenizer.apply_chat_template(
                [self._message(one) for one in messages],
                tools=tools or None,
                add_generation_prompt=ask,
                tokenize=False,
            )
        except Exception as error:  # a template is a program and raises what it likes
            raise InvalidArgument(f"the model's chat template refuses this: {error}") from error
        return text

    def parted(self, messages: list[Any], tools: list[dict[str, Any]]) -> tuple[str, str]:
        """Return a conversation's text and what follows it to ask for the next message. Where a
        template does not part them the first one is all of it."""
        asked, held = self.text(messages, tools), self.text(messages, tools, ask=False)
        return (held, asked[len(held) :]) if asked.startswith(held) else (asked, "")

    def more(self, messages: list[Any], answered: bool) -> tuple[str, str]:
        """Return the same for messages behind a conversation that is read already.

        If that ends in an `answered` message of the model, which it may have left unfinished, the
        text begins with what ends it. No template says what stands between two messages, so it is
        seen from a conversation of which the beginning is known.
        """
        known = [{"role": "user", "content": MARK}, {"role": "assistant", "content": MARK}]
        before = self.text(known, [], ask=False)
        start = before.rfind(MARK) + len(MARK) if answered else len(before)
        held, ask = self.parted([*known, *messages], [])
        if MARK not in before or not held.startswith(before[:start]):
            raise InvalidArgument("the model's chat template cannot go on with a conversation")
        return held[start:], ask

    def _message(self, message: Any) -> dict[str, Any]:
        role = "system" if message["role"] == "developer" else message["role"]
        plain = {**message, "role": role, "content": self._harmless(message.get("content") or "")}
        if calls := message.get("tool_calls"):
            plain["tool_calls"] = [self._call(one) for one in calls]
        return plain

    def _call(self, call: Any) -> dict[str, Any]:
        function = call["function"]
        arguments = function["arguments"]
        try:
            parsed = json.loads(arguments)
        except (TypeError, ValueError):
            parsed = None
        return {
            **call,
            "function": {
                **function,
                "arguments": self._harmless(parsed if isinstance(parsed, dict) else arguments),
            },
        }

    def _harmless(self, value: Any) -> Any:
        """Return a copy in which no text holds a control token."""
        if isinstance(value, dict):
            return {self._harmless(key): self._harmless(one) for key, one in value.items()}
        if isinstance(value, list):
            return [self._harmless(one) for one in value]
        if not isinstance(value, str) or self._control is None:
            return value
        while self._control.search(value):
            value = self._control.sub(lambda found: found[0][0] + BREAK + found[0][1:], value)
        return value
