"""From text to tokens.

Interface:
    Encoder         `plain`, `rendered`, `following`; raise `InvalidArgument`
"""

from __future__ import annotations

from typing import Any

from ....syscalls.errors import InvalidArgument


class Encoder:
    """A tokenizer whose tokens a model is sure to know."""

    def __init__(self, tokenizer: Any, vocabulary: int) -> None:
        self._tokenizer = tokenizer
        self._vocabulary = vocabulary

    def plain(self, text: str) -> list[int]:
        """Return the tokens of a text, with those that the tokenizer puts at its beginning."""
        return self._tokens(text, True)

    def rendered(self, text: str) -> list[int]:
        """Return the tokens of a text that stands for itself, as a template's."""
        return self._tokens(text, False)

    def following(self, more: str, tokens: list[int], text: str | None) -> list[int]:
        """Return the tokens of a text behind others.

        They are the tokens of both texts together but for those of the first one, where they begin
        with those; else, and where the first one's `text` is unknown, the second one's own, without
        any that the tokenizer would put at its beginning.
        """
        if text is not None:
            for special in (True, False):
                both = self._tokens(text + more, special)
                if both[: len(tokens)] == tokens:
                    return both[len(tokens) :]
        return self.rendered(more)

    def _tokens(self, text: str, special: bool) -> list[int]:
        try:
            found: list[int] = self._tokenizer(text, add_special_tokens=special)["input_ids"]
        except Exception as error:  # tokenizers of all kinds, fed with what may be half a character
            raise InvalidArgument(f"the model's tokenizer refuses this: {error}") from error
        if found and max(found) >= self._vocabulary:
            raise InvalidArgument(f"the tokenizer gives token {max(found)}, which the model lacks")
        return found
