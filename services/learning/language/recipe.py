"""The `[language]` part of a recipe: how a language model learns from what its agents did.

Interface:
    Language        checked settings
"""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge, Gt, Le, MaxLen, MinLen

from ..training.settings import Part


class Language(Part):
    """How a language model learns by reinforcement."""

    #: Where it begins: a model of the store, or `embedded`; and what the better one is called.
    model: Annotated[str, MinLen(1), MaxLen(64)]
    publish: Annotated[str, MinLen(1), MaxLen(64)]
    #: Files of tasks beside the recipe: those that are learnt from, and if there are any, those by
    #: which the best round is told.
    suite: str
    check: str | None = None
    verifier: str = "goal"
    #: Tasks of a round, agents on each of them, and rounds.
    groups: Annotated[int, Ge(1), Le(1024)] = 12
    samples: Annotated[int, Ge(2), Le(256)] = 8
    rounds: Annotated[int, Ge(1), Le(100_000)] = 40
    #: Seconds of learning, after which no round is begun; None for no limit.
    seconds: Annotated[float, Gt(0)] | None = None
    #: Of AdamW: its rate, and in how many rounds it is reached; it is brought down to nothing
    #: towards the end.
    rate: Annotated[float, Gt(0), Le(1)] = 3e-4
    warmup: Annotated[int, Ge(0)] = 2
    #: Changes of the weights in a round.
    updates: Annotated[int, Ge(1), Le(64)] = 2
    #: How much an episode counts that was worse than others on its task. Below 1 the weights are
    #: moved towards what went well more than away from what did not, which bears a higher rate.
    negative: Annotated[float, Ge(0), Le(1)] = 1.0
    #: How far a token's likelihood may move within a round, as a share.
    clip: Annotated[float, Gt(0), Le(10)] = 0.2
    #: Weight of the divergence from the model that it began with; 0 for none.
    kl: Annotated[float, Ge(0), Le(10)] = 0.0
    #: At which replies are drawn, and likelihoods taken.
    temperature: Annotated[float, Gt(0), Le(5)] = 1.0
    #: The control: rewards are dealt out anew among all agents of a round.
    shuffle_rewards: bool = False
    #: Rounds in a row without a difference to learn from, after which it gives up.
    patience: Annotated[int, Ge(1)] = 5
    #: Rounds between two checkpoints, and two looks at the tasks of `check`.
    checkpoint_every: Annotated[int, Ge(1)] = 5
    check_every: Annotated[int, Ge(1)] = 10
    #: Agents that live at once.
    parallel: Annotated[int, Ge(1), Le(512)] = 48
    seed: Annotated[int, Ge(0)] = 0
    threads: Annotated[int, Ge(1), Le(256)] = 1
