"""Agents' tasks as a gymnasium environment: what is chosen is the next tool, or to answer.

Whoever performs writes the arguments and the answer, such as a model; the environment knows the
course of the task and asks at its end what it was worth.

Interface:
    AgentTasks      the environment
    Performer       who does what was chosen
    Live            a performer over the running system: its model, its tools
"""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

import gymnasium
import numpy as np

from ....syscalls.episodes import text_class
from ....syscalls.errors import InvalidArgument, LLMAgentOSError
from ....syscalls.os import OS
from .decisions import ANSWER
from .features import Course, places
from .prior import prior, scaled

T = TypeVar("T")
Ask = Callable[[Coroutine[Any, Any, Any]], Any]
#: Tokens of a reply.
TOKENS = 128


class Performer(Protocol):
    """Does what was chosen, in a world that it prepares for each task."""

    @property
    def count(self) -> int:
        """How many tasks there are."""

    @property
    def tools(self) -> Sequence[str]:
        """The tools that may be chosen."""

    def begin(self, number: int) -> str:
        """Prepare a task, from 0, and return what is asked."""

    def act(self, tool: str) -> str:
        """Call a tool and return what it says; what is wrong starts with `error: `."""

    def answer(self) -> float:
        """Answer, and return what the whole was worth, from 0 to 1."""

    def prior(self) -> list[float]:
        """Return how likely the model itself would take each tool, and last how likely it would
        answer, as log-probabilities; asked only where they are observed."""


class AgentTasks(gymnasium.Env[Any, Any]):
    """One task is one episode. It is observed as the features of its course, ones among zeros; the
    last action is to answer. A step costs a little, so that a shorter way is a better one."""

    def __init__(
        self,
        performer: Performer,
        *,
        features: int = 1024,
        steps: int = 8,
        cost: float = 0.05,
        prior: bool = False,
    ) -> None:
        """`prior`: whether what the model itself would do is observed as well, behind the
        features, as `prior.scaled` has it."""
        self._performer = performer
        self._steps, self._cost = steps, cost
        #: Names of the actions, in their order.
        self.actions = [*performer.tools, ANSWER]
        self._features, self._prior = features, prior
        size = features + prior * len(self.actions)
        self.observation_space = gymnasium.spaces.Box(-1.0, 1.0, (size,), np.float32)
        self.action_space = gymnasium.spaces.Discrete(len(self.actions))
        self.course = Course(task="")

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begin a task: one by chance, or that of `options={"task": number}`."""
        super().reset(seed=seed)
        drawn = int(self.np_random.integers(self._performer.count))
        self.course = Course(task=self._performer.begin((options or {}).get("task", drawn)))
        return self._seen(), dict(self.course.record())

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Call a tool, or answer and end."""
        name = self.actions[int(action)]
        if name == ANSWER:
            return self._seen(), float(self._performer.answer()), True, False, self._info()
        said = self._performer.act(name)
        steps = (*self.course.steps, (name, text_class(said)))
        self.course = Course(task=self.course.task, steps=steps)
        return self._seen(), -self._cost, len(steps) >= self._steps, False, self._info()

    def _info(self) -> dict[str, Any]:
        return dict(self.course.record())

    def _seen(self) -> Any:
        seen = np.zeros(self.observation_space.shape or 0, dtype=np.float32)
        seen[places(self.course, self._features)] = 1.0
        if self._prior:
            seen[self._features :] = scaled(self._performer.prior())
        return seen


class Live:
    """The model and the tools of the running system. A task is a line of JSON:

        {"task": "What is 2 plus 3?", "memory": {"key": "value"}, "answer": "5", "after": {…}}

    It is worth 1 where the answer holds `answer` and memory holds `after` (null for nothing).
    """

    def __init__(self, os: OS, ask: Ask, file: Path, tools: Sequence[str]) -> None:
        """`ask` makes a call from this thread. Raises `InvalidArgument` for a file that holds no
        tasks, and `NotFound` for a tool that there is not."""
        self._os, self._ask = os, ask
        self._tasks = _read(file)
        self.count, self.tools = len(self._tasks), list(tools)
        known = {one.name: one.schema() for one in ask(os.tool.ls(only=self.tools))}
        for name in tools:
            if name not in known:
                raise InvalidArgument(f"there is no tool {name}")
        self._offered = [known[name] for name in tools]
        self._messages: list[Any] = []
        self._task: dict[str, Any] = {}

    def begin(self, number: int) -> str:
        """As `Performer.begin`."""
        self._task = self._tasks[number]
        for key in self._task.get("after", {}):
            self._ask(self._os.memory.delete(key))
        for key, value in self._task.get("memory", {}).items():
            self._ask(self._os.memory.put(key, value))
        self._messages = [{"role": "user", "content": self._task["task"]}]
        return str(self._task["task"])

    def act(self, tool: str) -> str:
        """As `Performer.act`."""
        reply = self._reply(tool)
        if not reply.tool_calls:
            return "error: no call"
        call = reply.tool_calls[0]
        try:
            arguments = json.loads(call["function"]["arguments"])
            text = str(self._ask(self._os.tool.call(tool, arguments)).text)
        except (ValueError, LLMAgentOSError) as error:
            text = f"error: {error}"
        self._messages += [
            {"role": "assistant", "content": reply.content, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": call["id"], "content": text},
        ]
        return text

    def answer(self) -> float:
        """As `Performer.answer`."""
        reply = self._reply("auto")
        said = "" if reply.tool_calls else reply.content or ""
        after = self._task.get("after", {})
        items = {item.key: item.value for item in self._ask(self._os.memory.ls())} if after else {}
        kept = all(items.get(key) == value for key, value in after.items())
        return float(kept and bool(said) and str(self._task.get("answer", "")) in said)

    def prior(self) -> list[float]:
        """As `Performer.prior`."""
        found: list[float] = self._ask(prior(self._os, self._messages, self._offered, self.tools))
        return found

    def _reply(self, choice: str) -> Any:
        return self._ask(
            self._os.model.chat(
                self._messages, tools=self._offered, max_tokens=TOKENS, tool_choice=choice
            )
        )


def _read(file: Path) -> list[dict[str, Any]]:
    try:
        tasks = [json.loads(line) for line in file.read_text().splitlines() if line.strip()]
    except (OSError, ValueError) as error:
        raise InvalidArgument(f"{file.name}: {error}") from error
    if not tasks:
        raise InvalidArgument(f"{file.name} holds no tasks")
    for number, task in enumerate(tasks, start=1):
        if not isinstance(task, dict) or not isinstance(task.get("task"), str):
            raise InvalidArgument(f"{file.name}, line {number}: a task is a record with a task")
        for name in ("memory", "after"):
            if not isinstance(task.get(name, {}), dict):
                raise InvalidArgument(f"{file.name}, line {number}: {name} is a record")
    return tasks
