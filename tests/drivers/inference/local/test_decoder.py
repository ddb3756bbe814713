"""Text comes out piece by piece as it would as a whole, at a cost that does not grow."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models

from llmagentos.drivers.inference.local.decoder import Decoder

WORDS = ("▁hi", "▁ok", "a", "b", "€", "▁")
VOCABULARY = {
    one: n for n, one in enumerate(["<unk>", *(f"<0x{byte:02X}>" for byte in range(256)), *WORDS])
}


@pytest.fixture(scope="module")
def fallback() -> Any:
    """As in Llama 2, Mistral and Gemma: what is no piece is written as bytes."""
    made = Tokenizer(models.BPE(vocab=VOCABULARY, merges=[], unk_token="<unk>", byte_fallback=True))
    made.decoder = decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    return made.decode


def pieces(decode: Any, tokens: list[int]) -> list[str]:
    decoder = Decoder(decode)
    return [*(decoder.feed(token) for token in tokens), decoder.end()]


def in_bytes(text: str) -> list[int]:
    return [VOCABULARY[f"<0x{byte:02X}>"] for byte in text.encode()]


def test_a_character_in_bytes_comes_whole(fallback: Any) -> None:
    tokens = [VOCABULARY["▁hi"], *in_bytes(" 😀"), VOCABULARY["▁ok"], *in_bytes("é日")]
    assert [one for one in pieces(fallback, tokens) if one] == ["hi", " ", "😀", " ok", "é", "日"]


@settings(deadline=None)
@given(st.lists(st.one_of(st.sampled_from(WORDS), st.text(max_size=4).map(in_bytes))))
def test_pieces_make_up_the_whole(fallback: Any, parts: list[Any]) -> None:
    tokens = [t for one in parts for t in ([VOCABULARY[one]] if isinstance(one, str) else one)]
    assert "".join(pieces(fallback, tokens)) == fallback(tokens)


@settings(deadline=None)
@given(st.text())
def test_pieces_of_a_byte_level_tokenizer_make_up_the_whole(tokenizer: Any, text: str) -> None:
    tokens = tokenizer(text, add_special_tokens=False).input_ids
    found = pieces(lambda ids: tokenizer.decode(ids, skip_special_tokens=True), tokens)
    assert "".join(found) == tokenizer.decode(tokens, skip_special_tokens=True)
    assert all("\ufffd" not in one for one in found) or "\ufffd" in text


def test_what_never_becomes_a_character_is_shown_as_such(fallback: Any) -> None:
    found = pieces(fallback, [VOCABULARY["a"], *[VOCABULARY["<0xF0>"]] * 20, VOCABULARY["b"]])
    assert "".join(found) == "a" + "\ufffd" * 20 + "b"
    assert found[-1] == ""


@pytest.mark.parametrize("token", [VOCABULARY["a"], VOCABULARY["<0xF0>"]])
def test_a_token_costs_the_same_in_a_long_reply(fallback: Any, token: int) -> None:
    longest = 0

    def watched(tokens: list[int]) -> str:
        nonlocal longest
        longest = max(longest, len(tokens))
        text: str = fallback(tokens)
        return text

    pieces(watched, [token] * 500)
    assert longest <= 16
