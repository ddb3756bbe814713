"""Sampling: what is cut never comes, what is seeded comes again, and something always comes."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from llmagentos.drivers.inference.contract import Sampling
from llmagentos.drivers.inference.local.sampler import LEAST, Sampler, logprob, top

LOGITS = torch.tensor([0.5, 0.1, 0.3, 0.1]).log()
NEVER = float("-inf")


def make(prompt: list[int] | None = None, matcher: Any = None, **changes: Any) -> Sampler:
    sampling = Sampling(**{"temperature": 1.0, "seed": 7, **changes})
    return Sampler(sampling, prompt or [], matcher)


def pick(sampler: Sampler, logits: Tensor, count: int = 1) -> list[int]:
    return [sampler.pick(logits, int(logits.argmax())) for _ in range(count)]


def draw(count: int, logits: Tensor = LOGITS, **changes: Any) -> list[int]:
    return pick(make(**changes), logits, count)


class Only:
    """A matcher that allows a few tokens, a number of times."""

    def __init__(self, tokens: set[int], times: int = 1_000_000) -> None:
        self.tokens = tokens
        self.times = times
        self.seen: list[int] = []

    @property
    def ended(self) -> bool:
        return len(self.seen) >= self.times

    def allows(self, token: int) -> bool:
        return token in self.tokens

    def mask(self, logits: Tensor) -> None:
        logits[[one for one in range(len(logits)) if one not in self.tokens]] = NEVER

    def accept(self, token: int) -> None:
        assert self.ended or token in self.tokens
        self.seen.append(token)

    def copy(self) -> Only:
        other = Only(self.tokens, self.times)
        other.seen = list(self.seen)
        return other


@pytest.mark.parametrize("temperature", [0.0, 5e-324, 1e-320, 1e-5])
def test_a_cold_sampler_is_greedy(temperature: float) -> None:
    assert draw(20, temperature=temperature) == [0] * 20


def test_a_greedy_sampler_does_not_even_look_at_the_logits() -> None:
    assert make(temperature=0.0).pick(torch.empty(0), 3) == 3


finite = st.floats(width=32, allow_nan=False, allow_infinity=False, allow_subnormal=False)


@settings(deadline=None, max_examples=300)
@given(
    logits=st.lists(finite | st.sampled_from([NEVER, 0.0, -3.4e38, 3.4e38]), min_size=1),
    allowed=st.none() | st.sets(st.integers(0, 20), min_size=1),
    prompt=st.lists(st.integers(0, 20), max_size=5),
    sampling=st.fixed_dictionaries(
        {
            "temperature": st.floats(0, 5) | st.just(1e-4),
            "top_p": st.floats(0, 1) | st.just(5e-324),
            "top_k": st.integers(0, 60),
            "min_p": st.floats(0, 1),
            "presence_penalty": st.floats(-2, 2),
            "frequency_penalty": st.floats(-2, 2),
            "repetition_penalty": st.floats(1e-30, 10) | st.just(1.0),
            "seed": st.none() | st.integers(),
        }
    ),
)
def test_every_setting_gives_a_token(
    logits: list[float], allowed: set[int] | None, prompt: list[int], sampling: dict[str, Any]
) -> None:
    row = torch.tensor(logits)
    if not row.max().isfinite():
        row[0] = 1.0
    matcher = None
    if allowed is not None:
        matcher = Only({one % len(row) for one in allowed})
    sampler = make([one % len(row) for one in prompt], matcher, **sampling)
    before = row.clone()
    for token in pick(sampler, row, 3):
        assert 0 <= token < len(row)
        assert matcher is None or token in matcher.tokens
        # What the model rules out comes only where nothing else may, or nothing but the utmost.
        assert row[token] > NEVER or all(row[one] < -1e37 for one in getattr(matcher, "tokens", []))
    assert torch.equal(row, before)


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16, torch.float32])
def test_half_numbers_are_read_as_they_are(kind: torch.dtype) -> None:
    assert draw(50, LOGITS.to(kind), top_k=1) == [0] * 50


def test_a_seed_gives_the_same_again() -> None:
    assert draw(50) == draw(50)
    assert draw(50) != draw(50, seed=8)
    assert len({tuple(draw(50, seed=None)) for _ in range(2)}) == 2


def test_a_seed_gives_the_same_whatever_the_batch() -> None:
    rows = torch.randn(8, 1000, generator=torch.Generator().manual_seed(1))
    settings = {"top_p": 0.9, "top_k": 300, "min_p": 0.01, "temperature": 1.3}
    alone = draw(40, rows[5].clone(), **settings)
    samplers = [make(seed=number, **settings) for number in (1, 2, 3, 4, 5, 7, 8, 9)]
    among = [pick(one, row)[0] for _ in range(40) for one, row in zip(samplers, rows, strict=True)]
    assert among[5::8] == alone


def test_tokens_come_as_often_as_they_are_likely() -> None:
    for changes in ({}, {"top_k": 4}, {"top_p": 0.999}, {"min_p": 1e-9}):
        seen = Counter(draw(4000, **changes))
        for token, chance in enumerate((0.5, 0.1, 0.3, 0.1)):
            assert math.isclose(seen[token] / 4000, chance, abs_tol=0.03)


def test_what_is_cut_never_comes() -> None:
    assert set(draw(300, top_k=2)) == {0, 2}
    assert set(draw(300, top_p=0.6)) == {0, 2}
    assert set(draw(300, top_p=0.5)) == {0}
    assert set(draw(300, top_k=1, temperature=5.0)) == {0}
    assert set(draw(300, min_p=0.5)) == {0, 2}
    assert set(draw(300, min_p=0.7)) == {0}
    assert set(draw(300, min_p=1.0)) == {0}
    assert set(draw(300, top_k=3, top_p=0.7)) == {0, 2}


@settings(deadline=None)
@given(
    st.lists(st.floats(-20, 20, width=32), min_size=1, max_size=200),
    st.floats(0, 1, exclude_min=True, exclude_max=True),
    st.integers(0, 100),
)
def test_a_nucleus_is_the_smallest_that_reaches_its_share(
    logits: list[float], top_p: float, seed: int
) -> None:
    row = torch.tensor(logits)
    chances = row.double().softmax(0)
    likelier = sum(
        float(one) for one in chances if one > chances[draw(1, row, seed=seed)[0]] + 1e-9
    )
    [token] = draw(1, row, top_p=top_p, seed=seed)
    likelier = sum(float(one) for one in chances if one > chances[token] * (1 + 1e-6))
    assert likelier <= top_p + 1e-5


def test_equal_tokens_all_belong_to_a_wide_nucleus() -> None:
    assert set(draw(2000, torch.zeros(20), top_p=0.9999)) == set(range(20))


def test_temperature_sharpens_before_cuts() -> None:
    assert set(draw(300, top_p=0.6, temperature=0.3)) == {0}
    assert set(draw(300, min_p=0.5, temperature=5.0)) == {0, 1, 2, 3}


def test_penalties_are_those_of_openai() -> None:
    logits = torch.tensor([3.0, 2.0, 0.0])
    cold = {"temperature": 0.0}
    assert draw(4, logits, **cold, frequency_penalty=0.6) == [0, 0, 1, 0]
    assert draw(4, logits, **cold, presence_penalty=1.5) == [0, 1, 0, 0]
    assert draw(4, logits, **cold, presence_penalty=-2.0, seed=1) == [0] * 4
    # The prompt does not count.
    assert pick(make([0, 0, 0], **cold, frequency_penalty=0.6), logits, 2) == [0, 0]


def test_the_repetition_penalty_is_that_of_ctrl() -> None:
    cold = {"temperature": 0.0, "repetition_penalty": 2.0}
    # Over the prompt too: a positive logit is divided, a negative one multiplied.
    assert pick(make([0], **cold), torch.tensor([3.0, 2.0, 0.0])) == [1]
    assert pick(make([0], **cold), torch.tensor([-1.0, -1.5, -3.0])) == [1]
    assert pick(make([0], **cold), torch.tensor([3.0, 1.4, 0.0])) == [0]
    # And over the reply, once however often a token came.
    assert pick(make([], **cold), torch.tensor([3.0, 2.0, -5.0]), 4) == [0, 1, 0, 0]


def test_a_grammar_costs_a_greedy_sampler_nothing_while_it_agrees() -> None:
    matcher = Only({0, 1})
    matcher.mask = None  # type: ignore[assignment,method-assign]  # it is not called
    sampler = make([], matcher, temperature=0.0)
    assert pick(sampler, LOGITS, 3) == [0, 0, 0] == matcher.seen


def test_a_grammar_comes_before_cuts_and_penalties_do_not_undo_it() -> None:
    assert pick(make([], Only({1}), top_k=1, top_p=0.1, min_p=1.0), LOGITS, 5) == [1] * 5
    assert pick(make([], Only({1}), temperature=0.0, frequency_penalty=2.0), LOGITS, 50) == [1] * 50
    logits = torch.tensor([1.0, NEVER, NEVER])
    assert pick(make([], Only({2}), temperature=0.0), logits) == [2]
    assert pick(make([], Only({2})), logits) == [2]
    # An ended grammar of a model whose replies have no end token.
    assert pick(make([], Only(set(range(3, 9)), 0), temperature=0.0), torch.ones(9)[:3]) == [0]


def test_a_sampler_is_done_when_its_grammar_is() -> None:
    sampler = make([], Only({0}, times=2))
    states = [sampler.done, *(pick(sampler, LOGITS) and sampler.done for _ in range(2))]
    assert states == [False, False, True]
    assert not make().done


def test_a_copy_goes_on_alike_and_for_itself() -> None:
    matcher = Only({0, 1, 2})
    first = make([1], matcher, frequency_penalty=0.5, repetition_penalty=1.2)
    pick(first, LOGITS, 5)
    second, third = first.copy(), first.copy()
    assert pick(second, LOGITS, 30) == pick(third, LOGITS, 30)
    assert len(matcher.seen) == 5
    assert pick(first.copy(), LOGITS, 30) == pick(first, LOGITS, 30)
    assert first.copy().done is False and make().copy().done is False


def test_a_log_probability_is_the_models_own() -> None:
    assert math.isclose(logprob(LOGITS * 1.0 + 5, 2), math.log(0.3), rel_tol=1e-5)
    assert logprob(torch.tensor([0.0, NEVER]), 1) == LEAST


def test_the_likeliest_tokens_come_with_theirs() -> None:
    found = top(LOGITS + 5, 3)
    assert [token for token, _ in found][:2] == [0, 2]
    for token, chance in found:
        assert math.isclose(chance, logprob(LOGITS, token), abs_tol=1e-6)
    assert top(LOGITS, 0) == []
    assert top(torch.tensor([0.0, NEVER]), 20) == [(0, 0.0), (1, LEAST)]
    assert all(one >= two for one, two in itertools.pairwise(chance for _, chance in found))
