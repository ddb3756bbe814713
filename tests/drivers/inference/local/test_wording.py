"""What texts and messages come to in a context's tokens."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from llmagentos.drivers.inference.local.context import Context
from llmagentos.drivers.inference.local.encoder import Encoder
from llmagentos.drivers.inference.local.template import PLAIN, Template
from llmagentos.drivers.inference.local.wording import Wording
from llmagentos.syscalls.errors import InvalidArgument

USER: list[Any] = [{"role": "user", "content": "hi"}]
MORE: list[Any] = [{"role": "tool", "content": "42"}]
END = "<|im_end|>"


class Book:
    """A context that is worded piece by piece, as a device does."""

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = copy.deepcopy(tokenizer)
        self.context = Context(1, "alice", [])

    def add(self, text: str | None = None, messages: list[Any] | None = None) -> str:
        """Add a piece; returns all that the context holds then."""
        encoder = Encoder(self.tokenizer, 1000)
        ends = frozenset({self.tokenizer.eos_token_id})
        context = self.context
        piece = Wording(Template(self.tokenizer), encoder, ends).piece(context, text, messages, [])
        context.tokens += piece.tokens
        context.ask, context.asking = piece.ask, piece.asking
        context.text, context.chat = piece.text, piece.chat
        return self.shown()

    def reply(self, text: str) -> None:
        """Let the model have written something."""
        self.context.tokens += self.context.ask + self.tokenizer(text)["input_ids"]
        self.context.ask, self.context.asking, self.context.text = [], "", None

    def shown(self) -> str:
        text: str = self.tokenizer.decode(self.context.tokens)
        return text


@pytest.fixture
def book(tokenizer: Any) -> Book:
    return Book(tokenizer)


def test_what_asks_for_a_reply_waits_until_one_is_wanted(book: Book) -> None:
    held = f"<|im_start|>user\nhi{END}\n"
    assert book.add(messages=USER) == held
    assert book.tokenizer.decode(book.context.ask) == "<|im_start|>assistant\n"
    assert book.add(messages=MORE) == f"{held}<|im_start|>tool\n42{END}\n"


@pytest.mark.parametrize("ended", ["", END])
def test_a_reply_is_ended_once_before_the_next_message(book: Book, ended: str) -> None:
    book.add(messages=USER)
    book.reply("well" + ended)
    assert book.add(messages=MORE) == (
        f"<|im_start|>user\nhi{END}\n<|im_start|>assistant\nwell{END}\n<|im_start|>tool\n42{END}\n"
    )


def test_a_text_behind_a_conversation_begins_the_reply(book: Book) -> None:
    book.add(messages=USER)
    assert book.add(text="Sure").endswith("<|im_start|>assistant\nSure")
    assert not book.context.ask and book.context.text == book.shown()
    assert f"Sure{END}\n<|im_start|>tool" in book.add(messages=MORE)


def test_messages_behind_a_text_stand_as_in_a_conversation(book: Book) -> None:
    book.add(text="Rules.")
    assert book.add(messages=USER) == f"Rules.<|im_start|>user\nhi{END}\n"


def test_a_context_may_begin_with_nothing(book: Book) -> None:
    assert book.add() == ""
    assert book.add(text="a") == "a"
    assert book.add() == "a"


def test_a_template_that_parts_nothing_asks_at_once(book: Book) -> None:
    book.tokenizer.chat_template = (
        "{% for m in messages %}{{ m.content }}{% endfor %}"
        "{{ '>' if add_generation_prompt else '.' }}"
    )
    assert book.add(messages=USER) == "hi>" and book.context.ask == []


def test_a_plain_template_goes_on(book: Book) -> None:
    book.tokenizer.chat_template = PLAIN
    assert book.add(messages=USER) == "user: hi\n"
    book.reply(" yes")
    assert book.add(messages=USER) == "user: hi\nassistant: yes\nuser: hi\n"


def test_a_template_that_shows_no_replies_cannot_go_on(book: Book) -> None:
    book.tokenizer.chat_template = "{{ messages | length }}"
    book.add(messages=USER)
    with pytest.raises(InvalidArgument, match="cannot go on"):
        book.add(messages=MORE)


class Merging:
    """A tokenizer that makes one token of two letters, and puts a beginning."""

    def __call__(self, text: str, add_special_tokens: bool) -> dict[str, list[int]]:
        if "\ud800" in text:
            raise ValueError("half a character")
        pairs = [text[at : at + 2] for at in range(0, len(text), 2)]
        found = [100 + ord(one[0]) if len(one) == 2 else ord(one) for one in pairs]
        return {"input_ids": [1, *found] if add_special_tokens else found}


def test_a_continuation_is_what_the_whole_has_more() -> None:
    encoder = Encoder(Merging(), 1000)
    before = encoder.plain("abcd")
    assert encoder.following("ef", before, "abcd") == [100 + ord("e")]
    # The first text's last token would not stand in the whole: the second one stands for itself.
    before = encoder.plain("abc")
    assert encoder.following("ef", before, "abc") == [100 + ord("e")]
    assert encoder.following("e", before, None) == [ord("e")]
    # A rendered text has no beginning of its own.
    assert encoder.following("ef", encoder.rendered("ab"), "ab") == [100 + ord("e")]


def test_what_cannot_be_tokens_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="half a character"):
        Encoder(Merging(), 1000).plain("\ud800")
    with pytest.raises(InvalidArgument, match="which the model lacks"):
        Encoder(Merging(), 150).plain("zz")
