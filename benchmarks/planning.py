"""Plans against a single greedy sequence, on the shipped model and on one that was made weak.

Held-out tasks of the embedded model's suites, through a running daemon: every call of a tool is a
syscall to the real drivers. Each task is done three times, each in a world made anew:

- single: one greedy sequence, thought of before anything is done, then done (an open loop);
- react: the likeliest reply each time, its calls done as they come (a closed loop, no plan);
- planned: `plan.solve` with several candidates, the likeliest done, and replanning.

The gains are those of planned over single; those over react are printed beside them, which has the
same observations and so shows what choosing among candidates alone is worth. A task counts when the
answer and the state of memory and files are the expert's.

The weak model is the shipped one with Gaussian noise on its word vectors (which are its output
layer as well), so many times as large as their own spread, from a fixed seed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import socket
import sys
import tempfile
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from llmagentos.services.learning.embedded.solve import solve
from llmagentos.services.learning.embedded.suites import SUITES
from llmagentos.services.learning.embedded.tasks import Task, demonstrate
from llmagentos.services.learning.embedded.world import SIGNATURES, LocalWorld
from llmagentos.syscalls.client import connect
from llmagentos.syscalls.os import OS
from llmagentos.syscalls.plan import PlanInfo
from llmagentos.syscalls.tool import ToolInfo

from .daemon import daemon
from .embedded import LiveWorld

#: Where the tasks come from: the suites whose worlds are memory, files and sums.
FROM = ("entities", "phrasing", "compositions", "long_strings")
INSTRUCTIONS = "You are a helpful agent."
WEIGHTS = "model.safetensors"
#: Tokens of a reply, at most.
REPLY = 128


def weaken(source: Path, folder: Path, noise: float, seed: int = 0) -> None:
    """Write a copy of a model with noise on its word vectors."""
    import torch
    from safetensors.torch import load_file, save_file

    shutil.copytree(source, folder)
    weights = load_file(source / WEIGHTS)
    drawn = torch.Generator().manual_seed(seed)
    for name in sorted(weights):
        if "embed_tokens" in name:
            vectors = weights[name].float()
            blur = torch.randn(vectors.shape, generator=drawn)
            weights[name] = (vectors + noise * vectors.std() * blur).contiguous()
    save_file(weights, folder / WEIGHTS, metadata={"format": "pt"})


def tasks(count: int, seed: int) -> list[Task]:
    """Return tasks of all suites in turn that the house's tools can be offered for."""

    def fitting(name: str) -> list[Task]:
        drawn = SUITES[name](4 * count, seed)
        return list(islice((one for one in drawn if set(one.tools) & set(SIGNATURES)), count))

    each = [fitting(name) for name in FROM]
    return [one for group in zip(*each, strict=False) for one in group][:count]


class Bench:
    """A daemon's model, given tasks in two ways."""

    def __init__(self, os: OS, home: Path, tools: list[ToolInfo], options: Any) -> None:
        self._os = os
        self._home = home
        self._tools = tools
        self._options = options

    async def single(self, task: Task) -> bool:
        """Whether one greedy sequence solves a task."""
        return (await self._plan(task, candidates=1, rounds=1))[0]

    async def react(self, task: Task) -> bool:
        """Whether the greedy loop solves a task."""
        world = LiveWorld(self._os, task.now, self._home)
        await world.prepare(task)
        offered = [one.schema() for one in self._tools if one.name in task.tools]

        async def chat(
            messages: list[dict[str, Any]], tools: list[dict[str, Any]]
        ) -> Mapping[str, Any]:
            told: list[Any] = [{"role": "system", "content": INSTRUCTIONS}]
            told += [one | {"content": one.get("content") or ""} for one in messages]
            reply = await self._os.model.chat(told, tools=offered, max_tokens=REPLY)
            return {"content": reply.content, "tool_calls": reply.tool_calls}

        return (await solve(task, chat, world)).solved

    async def planned(self, task: Task) -> tuple[bool, PlanInfo]:
        """Whether a plan solves a task, and the plan; its outcome is judged for the next ones."""
        options = self._options
        solved, plan = await self._plan(
            task,
            strategy=options.strategy,
            candidates=options.candidates,
            temperature=options.temperature,
        )
        await self._os.plan.judge(plan.id, solved)
        return solved, plan

    async def _plan(self, task: Task, **how: Any) -> tuple[bool, PlanInfo]:
        world = LiveWorld(self._os, task.now, self._home)
        await world.prepare(task)
        plan = await self._os.plan.solve(
            task.prompt,
            instructions=INSTRUCTIONS,
            tools=[one for one in task.tools if one in SIGNATURES],
            reply_tokens=REPLY,
            background=False,
            **how,
        )
        taken = [step for decision in plan.decisions for step in decision.taken]
        now = next((one.result for one in taken if one.tool == "clock"), task.now)
        known = LocalWorld(memory=task.memory, files=task.files, now=now or task.now)
        expert = demonstrate(task, known)
        return plan.answer == expert.answer and await world.state() == expert.state, plan


async def compare(path: Path, state: Path, target: str, options: Any) -> dict[str, float]:
    """Return the percentages of all ways on a model, and how well confidence told success."""
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(str(path))
    os = OS(await connect(sock))
    await os.model.use(target)
    home = state / "home" / (await os.process.ls(all=True))[0].principal / "session"
    bench = Bench(os, home, await os.tool.ls(), options)
    given = tasks(options.count, options.seed)
    solved = {"single": 0, "react": 0, "planned": 0}
    rounds = 0
    for place, task in enumerate(given, 1):
        single, react = await bench.single(task), await bench.react(task)
        planned, plan = await bench.planned(task)
        for name, done in (("single", single), ("react", react), ("planned", planned)):
            solved[name] += done
        rounds += len(plan.decisions)
        if place % 10 == 0:
            print(f"{place} tasks, solved: {solved}", file=sys.stderr, flush=True)
        if options.show and react != planned:
            _show(task, plan, planned)
    calibration = await os.plan.calibration()
    os.client.close()
    count = len(given)
    found = {name: 100 * done / count for name, done in solved.items()}
    found |= {"tasks": count, "rounds": rounds / count}
    return found | {"ece": -1.0 if calibration.ece is None else calibration.ece}


def _show(task: Task, plan: PlanInfo, whole: bool) -> None:
    print(f"{'won' if whole else 'lost'}: {task.prompt!r} -> {plan.answer!r} {plan.reason or ''}")
    for decision in plan.decisions:
        print(f"  {decision.cause}")
        for place, one in enumerate(decision.candidates):
            mark = "*" if place == decision.chosen else " "
            steps = [f"{s.tool}{list(s.arguments.values())}={s.expected}" for s in one.steps]
            print(f"   {mark} {one.score or 0:.4f} x{one.count} {steps} {one.answer!r}")


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="benchmarks.planning", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object as last line")
    parser.add_argument("--count", type=int, default=160, help="tasks for each model")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--strategy", default="best-of-k")
    parser.add_argument("--candidates", type=int, default=4)
    parser.add_argument("--temperature", type=float, default=0.8)
    parser.add_argument(
        "--noise", type=float, default=0.85, help="on the weak model's word vectors"
    )
    parser.add_argument("--only", choices=["weak", "good"])
    parser.add_argument(
        "--show", action="store_true", help="print the plans that made a difference"
    )
    options = parser.parse_args()
    import llmagentos

    shipped = Path(llmagentos.__file__).parent / "drivers/inference/embedded"
    found: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        weaken(shipped, Path(folder) / "weak", options.noise)
        for name, target in (("weak", f"hf:{folder}/weak"), ("good", "embedded")):
            if options.only in (None, name):
                state = Path(folder) / name[0]
                with daemon(state) as path:
                    found[name] = asyncio.run(compare(path, state, target, options))
                one = found[name]
                print(
                    f"{name}: {one['single']:.1f} % single, {one['react']:.1f} % react, "
                    f"{one['planned']:.1f} % planned ({one['tasks']:.0f} tasks, "
                    f"{one['rounds']:.1f} rounds, calibration error {one['ece']:.3f})",
                    flush=True,
                )
    figures = {}
    for name, one in found.items():
        figures[f"gain_{name}"] = round(one["planned"] - one["single"], 1)
        figures[f"gain_{name}_over_react"] = round(one["planned"] - one["react"], 1)
    figures["ece"] = round(max(one["ece"] for one in found.values()), 3)
    print("  ".join(f"{name} {value}" for name, value in figures.items()))
    if options.json:
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
