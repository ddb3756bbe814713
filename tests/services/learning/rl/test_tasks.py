"""Agents' tasks as an environment, over a performer of the tests' own and over a model's script."""

from __future__ import annotations

import json
import math
from collections.abc import Coroutine
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from gymnasium.utils.env_checker import check_env

from llmagentos.services.learning.rl.decisions import ANSWER
from llmagentos.services.learning.rl.dqn import DeepLearner
from llmagentos.services.learning.rl.policy import Policy, load
from llmagentos.services.learning.rl.prior import UNIT, prior, scaled
from llmagentos.services.learning.rl.recipe import Deep, Gradient
from llmagentos.services.learning.rl.reinforce import GradientLearner
from llmagentos.services.learning.rl.session import tried
from llmagentos.services.learning.rl.tasks import AgentTasks, Live
from llmagentos.services.learning.rl.world import Guarded
from llmagentos.syscalls.errors import InvalidArgument, QuotaExceeded
from llmagentos.syscalls.model import ChatReply, Usage
from llmagentos.syscalls.os import OS
from llmagentos.syscalls.tool import ToolInfo, ToolResult

from .stand_in import StandIn

JOB = """
name = "errands"
[job]
kind = "rl"
algorithm = "dqn"
[tasks]
file = "tasks.jsonl"
tools = ["calculator", "memory_put"]
features = 128
steps = 3
cost = 0.2
[learning]
episodes = 200
hidden = []
rate = 0.02
discount = 0.9
explore = { first = 1.0, last = 0.1, share = 0.8 }
warmup = 20
batch = 16
target = 20
[evaluation]
every = 50
quick = 4
episodes = 10
"""
TASKS = (
    {"task": "sum", "answer": "5"},
    {"task": "keep", "after": {"key": "7"}},
)


class Fixed:
    """Tasks whose only tool is the one that they are called after."""

    count = 2
    tools = ("left", "right")

    def begin(self, number: int) -> str:
        self.wanted, self.called = self.tools[number], list[str]()
        return f"go {self.wanted}"

    def act(self, tool: str) -> str:
        self.called.append(tool)
        return "not found"

    def answer(self) -> float:
        return float(self.called == [self.wanted])

    def prior(self) -> list[float]:
        right = math.log(0.9)
        tools = [right if tool == self.wanted and not self.called else -20.0 for tool in self.tools]
        return [*tools, right if self.called else -20.0]


def test_environment_is_what_gymnasium_takes_for_one() -> None:
    for wanted in (False, True):
        env = AgentTasks(Fixed(), features=64, steps=3, prior=wanted)
        check_env(env, skip_render_check=True)


@pytest.mark.parametrize("kind", ["dqn", "reinforce"])
def test_policy_begins_as_the_models_own_and_needs_no_learning_where_that_is_right(
    kind: str,
) -> None:
    env = AgentTasks(Fixed(), features=64, prior=True)
    learner: Any
    if kind == "dqn":
        learner = DeepLearner(Deep(episodes=1, hidden=[]), False, 67, 3, trust=UNIT)
    else:
        learner = GradientLearner(Gradient(episodes=1, hidden=[]), False, 67, 3, trust=UNIT)
    about = {"form": "network", "actions": env.actions, "features": 64, "prior": True}
    policy = Policy(about, learner.policy()[1])
    assert tried(policy, Guarded(env, "tasks"), 0, "try", 20) == [0.95] * 20
    performer = Fixed()
    asked = performer.begin(1)
    told = dict(zip(env.actions, performer.prior(), strict=True))
    held = policy.scores({"task": asked, "prior": told})
    assert held == pytest.approx([-UNIT, math.log(0.9), -UNIT])
    with pytest.raises(InvalidArgument):
        policy.scores({"task": asked})


def test_prior_is_how_likely_the_model_begins_its_reply_so() -> None:
    class Scoring:
        def __init__(self) -> None:
            self.model = self
            self.closed: list[int] = []

        async def open(self, **_: Any) -> Any:
            return SimpleNamespace(context=7)

        async def score(self, calls: list[str], context: int) -> Any:
            assert calls[0] == '<tool_call>{"name": "left' and context == 7
            return SimpleNamespace(
                scores=[SimpleNamespace(logprob=math.log(one)) for one in (0.5, 0.2)]
            )

        async def close(self, context: int) -> None:
            self.closed.append(context)

    system = Scoring()
    found = at_once(prior(cast(OS, system), [], [], ["left", "right"]))
    assert [math.exp(one) for one in found] == pytest.approx([0.5, 0.2, 0.3])
    assert system.closed == [7]
    assert scaled([-3.0, -50.0, 0.0]) == [-0.3, -1.0, 0.0]


def test_task_ends_with_the_answer_or_with_too_many_steps() -> None:
    env = AgentTasks(Fixed(), features=64, steps=2, cost=0.1)
    observation, told = env.reset(seed=0, options={"task": 1})
    assert told == {"task": "go right", "steps": [], "tools": []} and observation.sum() > 0
    after, reward, ended, _, told = env.step(env.actions.index("right"))
    assert (reward, ended, told["steps"]) == (-0.1, False, [["right", "nothing"]])
    assert (after != observation).any()
    assert env.step(env.actions.index(ANSWER))[1:3] == (1.0, True)
    env.reset(options={"task": 0})
    assert env.step(1)[2] is False and env.step(1)[2] is True


class System:
    """A model that writes what fits the tool that it is told, over a memory and a calculator."""

    def __init__(self) -> None:
        self.model = self.tool = self.memory = self
        self.items: dict[str, str] = {}
        self.failing: Exception | None = None

    async def ls(self, only: Any = None) -> list[Any]:
        tools = [
            ToolInfo(name=name, description="", parameters={}, effect=False, untrusted=False)
            for name in ("calculator", "memory_put")
        ]
        return [*map(_Both, tools, [None] * 2), *map(_Both, [None] * 9, self.items.items())]

    async def put(self, key: str, value: str) -> None:
        self.items[key] = value

    async def delete(self, key: str) -> bool:
        return self.items.pop(key, None) is not None

    async def chat(self, messages: Any, tools: Any, tool_choice: str, **_: Any) -> ChatReply:
        if self.failing is not None:
            raise self.failing
        calls: list[Any] = []
        if tool_choice != "auto":
            function = {"name": tool_choice, "arguments": "{}"}
            calls = [{"id": "1", "type": "function", "function": function}]
        said = messages[-1]["content"] if len(messages) > 1 else "nothing"
        return ChatReply(
            content=None if calls else said, tool_calls=calls, finish_reason="stop",
            usage=Usage(input_tokens=1, output_tokens=1), model="m",
        )  # fmt: skip

    async def call(self, name: str, arguments: Any) -> ToolResult:
        if name == "memory_put":
            self.items["key"] = "7"
            return ToolResult(text="stored")
        return ToolResult(text="5")


class _Both:
    """A tool or an item; what lists them asks for either."""

    def __init__(self, tool: ToolInfo | None, item: tuple[str, str] | None) -> None:
        self.name = tool.name if tool else ""
        self.schema = tool.schema if tool else dict
        self.key, self.value = item or ("", "")


class Asking(StandIn):
    """A job that can ask."""

    def __init__(self, folder: Path, text: str, system: System) -> None:
        super().__init__(folder, text)
        self.os = system

    def ask(self, call: Any) -> Any:
        return at_once(call)


def at_once(call: Coroutine[Any, Any, Any]) -> Any:
    """Return what comes of a call that waits for nothing, without a loop."""
    try:
        call.send(None)
    except StopIteration as ended:
        return ended.value
    raise AssertionError("it waits")


def live(folder: Path, tasks: Any, system: System, tools: tuple[str, ...] = ()) -> Live:
    file = folder / "tasks.jsonl"
    file.write_text("\n".join(map(json.dumps, tasks)) if isinstance(tasks, tuple) else tasks)
    return Live(cast(OS, system), at_once, file, tools or ("calculator", "memory_put"))


def test_live_tasks_are_done_by_model_and_tools_and_judged_by_what_is_left(tmp_path: Path) -> None:
    system = System()
    env = AgentTasks(live(tmp_path, TASKS, system))
    for task, tool, worth in (
        (0, "calculator", 1.0), (0, "memory_put", 0.0), (1, "memory_put", 1.0),
        (1, "calculator", 0.0),
    ):  # fmt: skip
        env.reset(options={"task": task})
        env.step(env.actions.index(tool))
        assert env.step(env.actions.index(ANSWER))[1] == worth


def test_job_learns_the_tools_of_its_tasks_by_doing_them(tmp_path: Path) -> None:
    system = System()
    live(tmp_path, TASKS, system)
    job = Asking(tmp_path, JOB, system)
    assert job.learn()["return"] == pytest.approx(0.8)
    policy = load(job.published[0]["folder"])
    for task, tool in (("sum", "calculator"), ("keep", "memory_put")):
        scores = policy.scores({"task": task})
        assert policy.actions[scores.index(max(scores))] == tool
    assert job.published[0]["data"]["world"] == "tasks.jsonl"


def test_systems_own_error_stays_what_it_is(tmp_path: Path) -> None:
    system = System()
    live(tmp_path, TASKS, system)
    system.failing = QuotaExceeded("no tokens are left")
    with pytest.raises(QuotaExceeded):
        Asking(tmp_path, JOB, system).learn()


@pytest.mark.parametrize(
    ("tasks", "tools", "message"),
    [
        ("", (), "holds no tasks"),
        ("{", (), r"tasks\.jsonl"),
        (({"ask": "x"},), (), "line 1"),
        (({"task": "x", "after": 7},), (), "after is a record"),
        (TASKS, ("hammer",), "no tool hammer"),
    ],
)
def test_bad_tasks_are_refused(
    tmp_path: Path, tasks: Any, tools: tuple[str, ...], message: str
) -> None:
    with pytest.raises(InvalidArgument, match=message):
        live(tmp_path, tasks, System(), tools)
