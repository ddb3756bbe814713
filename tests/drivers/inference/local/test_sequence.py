"""One request: what is shown when, why it ends, what it has used."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from llmagentos.drivers.inference.contract import Delta

Make = Callable[..., Any]
LOGITS = torch.zeros(1000)
END = 999


def write(sequence: Any, tokens: list[int]) -> int:
    """Let the model choose these; returns how many it took until the end."""
    for taken, token in enumerate(tokens, 1):
        if sequence.advance(sequence.span(512), LOGITS, token, 0.5):
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
    assert not one.advance(one.span(4), LOGITS, 0, 0.5)
    usage = reader.meter.usage
    assert (usage.input_tokens, usage.output_tokens, usage.device_seconds) == (4, 0, 0.5)
    write(one, chars("ab"))
    usage = reader.meter.usage
    assert (usage.input_tokens, usage.output_tokens, usage.device_seconds) == (13, 2, 1.5)
    one.table.length = 0  # its pages were taken away: what it has read stays read
    one.advance(one.span(4), LOGITS, 0, 0.5)
    assert reader.meter.usage.input_tokens == 13


def test_log_probabilities_come_with_the_end(sequence: Make) -> None:
    one, reader = sequence(chars("hi"), 2, logprobs=True)
    write(one, chars("ab"))
    last: Delta = reader.deltas[-1]
    assert last.logprobs is not None and len(last.logprobs) == 2
    assert last.logprobs[0] == pytest.approx(-torch.tensor(1000.0).log().item())
