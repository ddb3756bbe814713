"""From tokens to text, one token at a time.

Interface:
    Decoder         `feed` a token, then `end`; both return the text that has become certain
"""

from __future__ import annotations

from collections.abc import Callable

#: What a tokenizer writes for bytes that are no character, or not yet one.
TORN = "\ufffd"
#: Tokens after which text that is still torn is taken as it is: no character has more bytes.
PATIENCE = 8


class Decoder:
    """Decodes only what is new, behind a little that is known.

    Tokenizers treat a text's beginning specially, so new tokens are decoded together with those
    before them, and what those alone give is cut off.
    """

    def __init__(self, decode: Callable[[list[int]], str]) -> None:
        self._decode = decode
        self._tokens: list[int] = []
        self._known = 0  # of the tokens, those whose text went out: what stands before the new ones
        self._text = ""  # the text of the known ones

    def feed(self, token: int) -> str:
        """Take a token; return the text that no further token can change."""
        self._tokens.append(token)
        text = self._decode(self._tokens)
        if text.endswith(TORN) or len(text) <= len(self._text):
            return self.end() if len(self._tokens) - self._known >= PATIENCE else ""
        return self._take(text)

    def end(self) -> str:
        """Return the text that was held back, whole or torn."""
        return self._take(self._decode(self._tokens)) if len(self._tokens) > self._known else ""

    def _take(self, text: str) -> str:
        """Part the new tokens' text from that of the known ones, which they become."""
        fresh = self._tokens[self._known :]
        alone = self._decode(fresh)
        # A run of bytes that fails as a whole takes the known ones with it.
        new = text[len(self._text) :] if text.startswith(self._text) else alone
        self._tokens, self._known, self._text = fresh, len(fresh), alone
        return new
