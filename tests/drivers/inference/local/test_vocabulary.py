"""Tokens as bytes: put together they are what the tokenizer decodes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import decoders

from llmagentos.drivers.inference.local.vocabulary import Vocabulary
from llmagentos.syscalls.errors import InvalidArgument

from . import tokens

KINDS = [tokens.embedded, tokens.byte_level, tokens.sentencepiece, tokens.metaspace]


@pytest.fixture(scope="module", params=KINDS, ids=lambda one: one.__name__)
def tokenizer(request: pytest.FixtureRequest) -> Any:
    return request.param()


@settings(max_examples=60)
@given(data=st.data())
def test_the_bytes_of_tokens_are_what_they_decode_to(tokenizer: Any, data: st.DataObject) -> None:
    vocabulary = Vocabulary(tokenizer)
    # Some decoders treat spaces of the first token in their own way.
    first = tokenizer.convert_tokens_to_ids("a")
    chosen = [first, *data.draw(st.lists(st.sampled_from(range(len(vocabulary.tokens)))))]
    raw = b"".join(map(vocabulary.text, chosen))
    shown = tokenizer.decode(chosen, skip_special_tokens=True, clean_up_tokenization_spaces=False)
    if "\ufffd" not in shown:  # only a part of a character
        assert raw.decode() == shown


@settings(max_examples=60)
@given(text=st.text(st.sampled_from('ab é日😀\n{"}<>')))
def test_a_text_survives_its_tokens(tokenizer: Any, text: str) -> None:
    vocabulary = Vocabulary(tokenizer)
    text = "a" + text  # some tokenizers lose a space at the beginning
    chosen = tokenizer.encode(text, add_special_tokens=False)
    if tokenizer.decode(chosen, clean_up_tokenization_spaces=False) != text:
        return  # it cannot be written
    written = b"".join(map(vocabulary.text, chosen)).decode()
    assert written.removeprefix(" " if vocabulary.strips else "") == text


def test_a_decoder_that_leaves_out_the_first_space_is_known() -> None:
    assert [Vocabulary(kind()).strips for kind in KINDS] == [False, False, True, True]


def test_control_tokens_and_ends_have_no_text() -> None:
    vocabulary = Vocabulary(tokens.embedded(), ends=[40, 5000])
    assert vocabulary.ends == {2, 40, 5000}
    assert [vocabulary.text(one) for one in (0, 1, 2, 40, 4000, 5000, 6000, -1)] == [b""] * 8


def test_tokenizers_without_bytes_of_their_own_are_refused() -> None:
    pieced = tokens.byte_level()
    pieced.backend_tokenizer.decoder = decoders.WordPiece()
    with pytest.raises(InvalidArgument, match="WordPiece"):
        Vocabulary(pieced)
    with pytest.raises(InvalidArgument, match="fast tokenizer"):
        Vocabulary(object())
