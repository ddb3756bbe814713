"""Sampling: what is cut never comes, what is seeded comes again."""

from __future__ import annotations

import math
from collections import Counter

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from llmagentos.drivers.inference.local.sampler import Sampler, logprob

LOGITS = torch.tensor([0.5, 0.1, 0.3, 0.1]).log()


def draw(count: int, logits: torch.Tensor = LOGITS, **changes: float) -> list[int]:
    given = {"temperature": 1.0, "top_p": 1.0, "top_k": 0, "seed": 7, **changes}
    sampler = Sampler(**given)  # type: ignore[arg-type]
    return [sampler.pick(logits, int(logits.argmax())) for _ in range(count)]


@pytest.mark.parametrize("temperature", [0.0, 5e-324, 1e-320, 1e-5])
def test_a_cold_sampler_is_greedy(temperature: float) -> None:
    assert draw(20, temperature=temperature) == [0] * 20


@settings(deadline=None)
@given(
    st.lists(st.floats(-1e4, 1e4, width=32), min_size=1, max_size=50),
    st.floats(0, 5),
    st.floats(0, 1, exclude_min=True),
    st.integers(0, 60),
)
def test_every_setting_gives_a_token(
    logits: list[float], temperature: float, top_p: float, top_k: int
) -> None:
    [token] = draw(1, torch.tensor(logits), temperature=temperature, top_p=top_p, top_k=top_k)
    assert 0 <= token < len(logits)


def test_a_seed_gives_the_same_again() -> None:
    assert draw(50) == draw(50)
    assert draw(50) != draw(50, seed=8)
    assert len({tuple(draw(50, seed=None)) for _ in range(2)}) == 2  # type: ignore[arg-type]


def test_tokens_come_as_often_as_they_are_likely() -> None:
    seen = Counter(draw(4000))
    for token, chance in enumerate((0.5, 0.1, 0.3, 0.1)):
        assert math.isclose(seen[token] / 4000, chance, abs_tol=0.04)


def test_what_is_cut_never_comes() -> None:
    assert set(draw(300, top_k=2)) == {0, 2}
    assert set(draw(300, top_p=0.6)) == {0, 2}
    assert set(draw(300, top_p=0.5)) == {0}
    assert set(draw(300, top_k=1, temperature=5.0)) == {0}


def test_a_log_probability_is_the_models_own() -> None:
    assert math.isclose(logprob(LOGITS * 1.0 + 5, 2), math.log(0.3), rel_tol=1e-5)
