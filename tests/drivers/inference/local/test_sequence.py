"""One request: what is shown when, why it ends, what it has used."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from llmagentos.drivers.inference.contract import Sampling
from llmagentos.drivers.inference.local.context import Context
from llmagentos.drivers.inference.local.sampler import Sampler

Make = Callable[..., Any]
LOGITS = torch.zeros(1, 1000)
END, SIZE = 999, 16


def step(sequence: Any, room: int, token: int = 0) -> bool:
    """Let a step pass, as the engine does."""
    span = sequence.span(room, SIZE)
    sequence.context.table.length += span.count
    ended: bool = sequence.advance(span, LOGITS, token, 0.5)
    return ended


def write(sequence: Any, tokens: list[int]) -> int:
    """Let the model choose these; returns how many it took until the end."""
    for taken, token in enumerate(tokens, 1):
        if step(sequence, 512, token):
            sequence.finish()
            return taken
    return 0


def chars(text: str) -> list[int]:
    return list(map(ord, text))


def test_text_is_shown_as_it_is_written(sequence: Make) -> None:
    one, reader = sequence(chars("hi"), 3)
    assert write(one, chars("abcd")) == 3
    assert [delta.text for delta in reader.deltas] == ["a", "b", "c"]
    assert [delta.finish for delta in reader.deltas] == [None, None, "length"]


def test_the_token_that_ends_is_not_shown(sequence: Make) -> None:
    one, reader = sequence(chars("hi"), ends=frozenset({END}))
    assert write(one, [*chars("ab"), END]) == 3
    assert reader.text == "ab" and reader.deltas[-1].finish == "stop"
    assert reader.deltas[-1].usage is not None and reader.deltas[-1].usage.output_tokens == 3


@pytest.mark.parametrize("stop", [["cd"], ["x", "cd", ""], ["cde", "cd"], ["d", "cd"]])
def test_nothing_is_shown_from_a_stop_string_on(sequence: Make, stop: list[str]) -> None:
    one, reader = sequence(chars("hi"), 20, stop=stop)
    assert write(one, chars("abcdef")) == 4
    assert reader.text == "ab" and reader.deltas[-1].finish == "stop"


def test_what_may_become_a_stop_string_is_held_back_and_then_shown(sequence: Make) -> None:
    one, reader = sequence(chars("hi"), 4, stop=["bcx"])
    write(one, chars("ab"))
    assert reader.text == ""
    write(one, chars("c"))
    assert reader.text == "a"
    write(one, chars("d"))
    assert reader.text == "abcd"


def test_a_stop_string_with_characters_in_pieces_is_found(sequence: Make) -> None:
    def decode(tokens: list[int]) -> str:
        return bytes(tokens).decode(errors="replace")

    one, reader = sequence([1], 20, decode=decode, stop=["bé"])
    assert write(one, list("abéa".encode())) == 4
    assert reader.text == "a"


def test_a_torn_character_is_shown_at_the_end(sequence: Make) -> None:
    def decode(tokens: list[int]) -> str:
        return bytes(tokens).decode(errors="replace")

    one, reader = sequence([1], 2, decode=decode)
    write(one, list("aé".encode())[:2])
    assert reader.text == "a\ufffd"


def test_a_call_is_taken_out_of_the_text(sequence: Make) -> None:
    text = 'so <tool_call>{"name": "f", "arguments": {}}</tool_call>'
    one, reader = sequence(chars("hi"), 100, tools=True, ends=frozenset({END}))
    write(one, [*chars(text), END])
    assert reader.text == "so " and reader.deltas[-1].finish == "tool_calls"
    assert reader.deltas[-1].tool_calls[0]["function"]["name"] == "f"


def test_usage_is_known_while_it_runs(sequence: Make) -> None:
    one, reader = sequence(chars("a long prompt"), 5)
    assert not step(one, 4)
    usage = reader.meter.usage
    assert (usage.input_tokens, usage.output_tokens, usage.device_seconds) == (4, 0, 0.5)
    write(one, chars("ab"))
    usage = reader.meter.usage
    assert (usage.input_tokens, usage.output_tokens, usage.device_seconds) == (13, 2, 1.5)
    one.context.table.length = 0  # its pages were taken away: what it has read stays read
    step(one, 4)
    assert reader.meter.usage.input_tokens == 13


def test_a_call_pays_for_what_it_brings_alone(sequence: Make) -> None:
    context = Context(1, "alice", chars("known already"))
    one, reader = sequence(chars("new"), 2, context=context)
    write(one, chars("ab"))
    usage = reader.meter.usage
    assert (usage.input_tokens, usage.output_tokens) == (3, 2)
    assert context.tokens == chars("known alreadynewab")


def test_a_part_that_is_not_the_last_ends_with_a_page(sequence: Make) -> None:
    one, _ = sequence([1] * 50)
    assert [one.span(room, SIZE).count for room in (5, 16, 20, 47, 50, 99)] == [
        5,
        16,
        16,
        32,
        50,
        50,
    ]
    one.context.table.length = 10
    assert [one.span(room, SIZE).count for room in (5, 6, 7, 40)] == [5, 6, 6, 40]


def test_log_probabilities_come_with_their_text(sequence: Make) -> None:
    one, reader = sequence(chars("hi"), 3, logprobs=2, stop=["bx"])
    write(one, chars("abc"))
    assert [(d.text, d.logprobs and len(d.logprobs)) for d in reader.deltas] == [
        ("a", 2),
        ("bc", 1),
    ]
    likely = -torch.tensor(1000.0).log().item()
    found = [one for delta in reader.deltas for one in delta.logprobs or ()]
    assert [one.token for one in found] == ["a", "b", "c"]
    for one in found:
        assert one.logprob == pytest.approx(likely)
        assert len(one.top) == 2 and one.top[0].logprob == pytest.approx(likely)


def test_a_reply_whose_grammar_has_ended_ends(sequence: Make) -> None:
    class Short(Sampler):
        done = False  # type: ignore[assignment]

        def pick(self, logits: Any, likeliest: int) -> int:
            self.done = likeliest == ord("b")
            return likeliest

    one, reader = sequence([1], 9, sampler=Short(Sampling(), []))
    assert write(one, chars("abc")) == 2
    assert reader.text == "ab" and reader.deltas[-1].finish == "stop"
