"""The bytes that a model's tokens stand for, as its decoder puts them together.

A grammar is about a reply's bytes, so it has to know them for each token, also for those that are
only a part of a character. They follow from the kind of the tokenizer's decoder.

Interface:
    Vocabulary      of a fast tokenizer of transformers
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator
from functools import cached_property
from typing import Any

from ....syscalls.errors import InvalidArgument

#: What llguidance takes for the beginning of a control token: no text has this byte.
CONTROL = b"\xff"
#: Steps of a decoder that change no token by itself.
_IDLE = frozenset({"ByteFallback", "ByteLevel", "Fuse", "Metaspace", "Strip"})
_Spell = Callable[[str], bytes]


class Vocabulary:
    """A tokenizer's tokens in the order of their numbers."""

    #: Bytes of each token; control tokens and the ends begin with `CONTROL`, gaps have none.
    tokens: list[bytes]
    #: Tokens that end a reply.
    ends: frozenset[int]
    #: Whether the decoder leaves out a space at the beginning of a reply.
    strips: bool

    def __init__(self, tokenizer: Any, ends: Collection[int] = ()) -> None:
        """Read a tokenizer; `ends` are the model's own end tokens besides the tokenizer's.

        Raises `InvalidArgument` for a tokenizer whose tokens have no bytes of their own.
        """
        backend = getattr(tokenizer, "backend_tokenizer", None)
        if backend is None:
            raise InvalidArgument("a grammar needs a fast tokenizer, which this model lacks")
        steps = list(_steps(backend.decoder))
        spell = _speller(steps)
        self.strips = any(_strips(one) for one in steps)
        own = tokenizer.eos_token_id
        self.ends = frozenset(ends if own is None else (*ends, own))
        numbers = backend.get_vocab(with_added_tokens=True)
        control = {n for n, one in tokenizer.added_tokens_decoder.items() if one.special}
        self.tokens = [b""] * (max((*numbers.values(), *self.ends), default=-1) + 1)
        for name, number in numbers.items():
            self.tokens[number] = CONTROL + name.encode() if number in control else spell(name)
        for number in self.ends - control:
            self.tokens[number] = CONTROL + b"%d" % number

    @cached_property
    def closing(self) -> list[int]:
        """The tokens that may complete a mark: those that hold its last sign."""
        return [number for number, one in enumerate(self.tokens) if b">" in one]

    def text(self, token: int) -> bytes:
        """Return what a token adds to the text; nothing for control tokens and unknown ones."""
        spelt = self.tokens[token] if 0 <= token < len(self.tokens) else b""
        return b"" if spelt.startswith(CONTROL) else spelt


def _steps(decoder: Any) -> Iterator[dict[str, Any]]:
    """Yield a decoder's steps as its tokenizer.json lists them."""
    described = json.loads(decoder.__getstate__()) if decoder is not None else {"type": "none"}
    waiting = [described]
    while waiting:
        step = waiting.pop(0)
        if step["type"] == "Sequence":
            waiting = [*step["decoders"], *waiting]
        else:
            yield step


def _speller(steps: list[dict[str, Any]]) -> _Spell:
    """Return what gives a token's bytes by its name in the vocabulary."""
    kinds = {str(step["type"]) for step in steps}
    spaces = [_space(step) for step in steps if step["type"] in ("Replace", "Metaspace")]
    unknown = kinds - _IDLE - {"Replace"}
    if unknown or None in spaces or not kinds & {"ByteLevel", "ByteFallback", "Metaspace"}:
        raise InvalidArgument(f"no grammar for a tokenizer that decodes by {', '.join(kinds)}")
    if "ByteLevel" in kinds:
        return _byte_level
    hexadecimal = {f"<0x{n:02X}>": bytes([n]) for n in range(256)}
    if "ByteFallback" not in kinds:
        hexadecimal = {}
    marks = [one for one in spaces if one]

    def spell(name: str) -> bytes:
        if (byte := hexadecimal.get(name)) is not None:
            return byte
        for mark in marks:
            name = name.replace(mark, " ")
        return name.encode()

    return spell


def _space(step: dict[str, Any]) -> str | None:
    """Return the sign that a step writes as a space; None where it does anything else."""
    if step["type"] == "Metaspace":
        return str(step["replacement"])
    sign = step["pattern"].get("String")
    return str(sign) if sign and step["content"] == " " else None


def _strips(step: dict[str, Any]) -> bool:
    if step["type"] == "Metaspace":
        return bool(step.get("prepend_scheme", "always") != "never")
    return step["type"] == "Strip" and (step["content"], step["start"] > 0) == (" ", True)


def _byte_level(name: str) -> bytes:
    """Undo GPT-2's writing of bytes as printable characters; other names stand for themselves."""
    try:
        return bytes(_BYTES[one] for one in name)
    except KeyError:
        return name.encode()


def _printable() -> Iterator[tuple[str, int]]:
    shown = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [n for n in range(256) if n not in shown]
    yield from ((chr(n), n) for n in shown)
    yield from ((chr(256 + place), n) for place, n in enumerate(hidden))


_BYTES = dict(_printable())
