"""What the file of a job that learns by reinforcement may say.

Interface:
    Recipe          the whole file: what is learnt from, `[learning]`, `[evaluation]`
    World, Tasks, Episodes      what is learnt from
    Tabular, Deep, Gradient     `[learning]` of the algorithms `q`, `dqn` and `reinforce` in a world
    Offline         `[learning]` of `q` from episodes
    read            a job's recipe, checked
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, model_validator

from ..rewards import Rewarding
from ..training.settings import Part, check, own
from .schedule import Schedule


class Kind(Part):
    """`[job]`."""

    kind: Literal["rl"]
    algorithm: Literal["q", "dqn", "reinforce"]


class World(Part):
    """`[world]`: a gymnasium environment."""

    id: str
    arguments: dict[str, Any] = Field(default={})
    #: Steps after which an episode is cut off; None for what the environment says itself.
    steps: int | None = Field(default=None, gt=0)


class Tasks(Part):
    """`[tasks]`: what agents are asked, to be learnt by doing, with the model and the tools there
    are (see `tasks.Live`)."""

    #: JSON lines beside the job's file.
    file: str
    tools: list[str] = Field(min_length=1, max_length=64)
    #: Places that the course of a task is hashed to.
    features: int = Field(default=1024, ge=16, le=65_536)
    #: Tools that may be called for one task, and what each costs.
    steps: int = Field(default=8, gt=0, le=64)
    cost: float = Field(default=0.05, ge=0)
    #: What a nat of the model's own log-probability of an action is worth at the beginning: with 1,
    #: `reinforce` begins as the model's own policy. 0 asks the model nothing.
    prior: float = Field(default=0.0, ge=0)


class Learning(Part):
    """What all algorithms have."""

    #: What a reward is worth a step later.
    discount: float = Field(default=0.99, ge=0, le=1)
    seed: int = Field(default=0, ge=0)


class Online(Learning):
    """What those have that act in a world."""

    episodes: int = Field(gt=0, le=10_000_000)


class Tabular(Online):
    """Q-learning over a table (Watkins 1989)."""

    #: The share of actions taken by chance.
    explore: Schedule = Schedule(first=1.0, last=0.05, share=0.8)
    #: The step size of the n-th visit is n^-power, and no less than `floor` (Even-Dar and Mansour
    #: 2003, who show that any power in (1/2, 1) converges in polynomial time).
    power: float = Field(default=0.7, ge=0, le=1)
    floor: float = Field(default=0.01, ge=0, le=1)
    #: What an action is held to be worth before it was tried.
    initial: float = 0.0


class Network(Online):
    """What the algorithms over a network have. No hidden layer makes it linear."""

    hidden: list[int] = Field(default=[64, 64], max_length=8)
    rate: float = Field(default=1e-3, gt=0)
    #: The rate falls to this share of it by the last episode.
    rate_end: float = Field(default=1.0, ge=0, le=1)
    #: The largest norm of a gradient.
    clip: float = Field(default=10.0, gt=0)


class Deep(Network):
    """Q-learning over a network (Mnih et al. 2015)."""

    explore: Schedule = Schedule(first=1.0, last=0.05, share=0.3)
    batch: int = Field(default=64, gt=0, le=65_536)
    #: Transitions that are remembered, and those there must be before learning begins.
    memory: int = Field(default=50_000, gt=0, le=5_000_000)
    warmup: int = Field(default=1_000, gt=0)
    #: Steps between two updates, and updates between two copies to the target network.
    every: int = Field(default=1, gt=0)
    target: int = Field(default=250, gt=0)
    #: Whether the network chooses the next action and the target values it (van Hasselt et al.
    #: 2016).
    double: bool = True


class Gradient(Network):
    """REINFORCE with a learnt baseline (Williams 1992; Sutton and Barto 2018, section 13.4)."""

    #: Episodes of one update.
    batch: int = Field(default=8, gt=0)
    baseline_rate: float = Field(default=5e-3, gt=0)
    #: What a nat of the policy's entropy is worth.
    entropy: float = Field(default=0.0, ge=0)
    #: Whether a step's gradient is weighed by discount^t, as the theorem has it; left out, late
    #: steps count as much as early ones, as is customary.
    discount_states: bool = False


class Offline(Learning):
    """Q-learning over hashed features of a task's course, a linear map for each action."""

    #: Passes over all transitions.
    passes: int = Field(default=8, gt=0, le=10_000)
    #: The step size, a share of the error that a step takes away, and that of the last pass.
    rate: float = Field(default=0.3, gt=0, le=1)
    rate_end: float = Field(default=0.03, gt=0, le=1)
    #: Places that features are hashed to.
    features: int = Field(default=8192, ge=16, le=1_048_576)
    #: How much lower than the lowest value seen an action is held to be that nobody has taken.
    caution: float = Field(default=0.1, ge=0)


class Episodes(Part):
    """`[episodes]`: what agents have done, to learn from."""

    #: A file of JSON lines beside the job's, as `aos learn trajectories --jsonl` writes it.
    file: str | None = None
    #: Else processes of this name that the job may read: those below it.
    name: str | None = None
    #: What an action is: the tool that was called, the model that was asked, or the strategy of a
    #: plan.
    action: Literal["tool", "model", "strategy"] = "tool"
    #: One episode of so many is held out, to try the policy on.
    held_out: int = Field(default=5, ge=2)

    @model_validator(mode="after")
    def _one(self) -> Episodes:
        if (self.file is None) == (self.name is None):
            raise ValueError("either file or name is given")
        return self


class Evaluation(Part):
    """`[evaluation]`: how the policy is tried without exploration, on seeds of its own."""

    episodes: int = Field(default=100, gt=0, le=100_000)
    #: Episodes of learning between two quick tries, and episodes of each.
    every: int | None = Field(default=None, gt=0)
    quick: int = Field(default=20, gt=0)
    #: The mean return at which learning may stop.
    goal: float | None = None


class Recipe(Part):
    """The whole file."""

    job: Kind
    world: World | None = None
    tasks: Tasks | None = None
    episodes: Episodes | None = None
    reward: Rewarding = Rewarding()
    learning: Tabular | Deep | Gradient | Offline
    evaluation: Evaluation = Evaluation()
    #: What the policy is called in the store; None for the job's own name.
    publish: str | None = None

    @model_validator(mode="after")
    def _whole(self) -> Recipe:
        if sum(one is not None for one in (self.world, self.tasks, self.episodes)) != 1:
            raise ValueError("one of [world], [tasks] and [episodes] says what is learnt from")
        trusting = self.tasks is not None and self.tasks.prior
        if trusting and isinstance(self.learning, Network) and self.learning.hidden:
            raise ValueError("a prior takes a linear policy: learning.hidden = []")
        if self.tasks is not None and self.job.algorithm == "q":
            raise ValueError("[tasks] are learnt by the algorithms dqn and reinforce")
        if self.episodes is not None and self.job.algorithm != "q":
            raise ValueError("[episodes] are learnt from by the algorithm q alone")
        return self


#: `[learning]` of each algorithm.
SETTINGS: Mapping[str, type[Learning]] = {"q": Tabular, "dqn": Deep, "reinforce": Gradient}


def read(recipe: dict[str, Any], file: str) -> Recipe:
    """Return a job's recipe. Raises `InvalidArgument` naming the file, the key and what is
    expected."""
    offline = "episodes" in recipe and not {"world", "tasks"} & recipe.keys()
    settings = Offline if offline else SETTINGS.get(str(recipe["job"].get("algorithm")), Learning)
    learning = check(settings, recipe.get("learning", {}), f"{file}: [learning]")
    return check(Recipe, {**own(recipe), "learning": learning}, file)
