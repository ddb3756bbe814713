"""The group-relative objective, by its formula and by finite differences."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from llmagentos.services.learning.language.objective import advantages, objective

REWARDS = st.lists(st.floats(-10, 10), min_size=2, max_size=16)


@given(REWARDS)
def test_a_group_of_advantages_has_mean_zero_and_spread_one_or_none(rewards: list[float]) -> None:
    [worth] = advantages([rewards])
    assert sum(worth) == pytest.approx(0.0, abs=1e-6)
    spread = math.sqrt(sum(one * one for one in worth) / len(worth))
    assert spread == pytest.approx(1.0, abs=1e-6) or not any(worth)


def test_groups_know_nothing_of_each_other() -> None:
    assert advantages([[1.0, 1.0], [0.0, 1.0]]) == [[0.0, 0.0], [-1.0, 1.0]]


def test_the_gradient_on_the_policy_itself_is_that_of_reinforce() -> None:
    now = torch.tensor([-1.0, -2.0], requires_grad=True)
    worth = torch.tensor([1.5, -0.5])
    loss, clipped = objective(now, now.detach(), worth, clip=0.2)
    loss.sum().backward()
    assert torch.allclose(now.grad, -worth)  # type: ignore[arg-type]
    assert not clipped.any()


def test_what_has_moved_far_enough_is_not_pushed_further() -> None:
    now = torch.tensor([-0.5, -0.5, -1.5, -1.5], requires_grad=True)
    drawn, worth = torch.full((4,), -1.0), torch.tensor([1.0, -1.0, -1.0, 1.0])
    loss, clipped = objective(now, drawn, worth, clip=0.2)
    loss.sum().backward()
    assert clipped.tolist() == [True, False, True, False]
    assert now.grad is not None
    assert (now.grad == 0).tolist() == [True, False, True, False]


@given(
    st.floats(-3, -0.1), st.floats(-3, -0.1), st.floats(-3, -0.1), st.floats(-2, 2),
)  # fmt: skip
def test_the_gradient_matches_finite_differences(
    now: float, drawn: float, reference: float, worth: float
) -> None:
    def loss(value: torch.Tensor) -> torch.Tensor:
        found, _ = objective(
            value, torch.tensor([drawn], dtype=torch.double),
            torch.tensor([worth], dtype=torch.double), clip=0.3, kl=0.1,
            reference=torch.tensor([reference], dtype=torch.double),
        )  # fmt: skip
        return found.sum()

    edge = min(abs(now - drawn - math.log(1.3)), abs(now - drawn - math.log(0.7)))
    if edge < 1e-3:
        return  # There is no gradient at the corner.
    at = torch.tensor([now], dtype=torch.double, requires_grad=True)
    loss(at).backward()
    step = 1e-6
    slope = (loss(at.detach() + step) - loss(at.detach() - step)) / (2 * step)
    assert at.grad is not None
    assert float(at.grad) == pytest.approx(float(slope), rel=1e-4, abs=1e-7)


@given(st.floats(-5, 0), st.floats(-5, 0))
def test_the_divergence_from_a_reference_is_never_below_zero(now: float, reference: float) -> None:
    both = torch.tensor([now]), torch.tensor([reference])
    loss, _ = objective(both[0], both[0], torch.zeros(1), clip=0.2, kl=1.0, reference=both[1])
    assert float(loss) >= -1e-5
