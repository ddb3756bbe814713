"""The group-relative policy gradient (GRPO; Shao et al. 2024, section 4.1), without a critic.

An episode's advantage is how much better it was than others on the same task, in units of their
spread: A = (r - mean) / (std + e). With p the likelihood of a token now and q the one that it was
drawn with, the loss is PPO's (Schulman et al. 2017, eq. 7), a mean over all tokens:

    -min(p/q A, clip(p/q, 1-c, 1+c) A) + k (u - log u - 1),   u = ref/p

whose last term is an estimate of the divergence from a reference, never below 0.

Interface:
    advantages      of groups of rewards
    objective       the loss of tokens, and how many were clipped
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

#: Spreads below it are none.
TINY = 1e-6


def advantages(rewards: Sequence[Sequence[float]]) -> list[list[float]]:
    """Return advantages by group; all 0 in one whose rewards are the same."""
    made = []
    for group in rewards:
        mean = sum(group) / len(group)
        spread = (sum((one - mean) ** 2 for one in group) / len(group)) ** 0.5
        made.append([(one - mean) / spread if spread > TINY else 0.0 for one in group])
    return made


def objective(
    now: Tensor,
    drawn: Tensor,
    advantage: Tensor,
    *,
    clip: float,
    kl: float = 0.0,
    reference: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Return the loss of each token, [tokens], and which of them were clipped.

    `now`, `drawn` and `reference` are log-probabilities in nats, `advantage` that of each token's
    episode, all [tokens].
    """
    ratio = (now - drawn).exp()
    free, bound = ratio * advantage, ratio.clamp(1 - clip, 1 + clip) * advantage
    loss = -free.minimum(bound)
    if kl and reference is not None:
        gap = reference - now
        loss = loss + kl * (gap.exp() - gap - 1)
    return loss, bound < free
