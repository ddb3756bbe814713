"""Plans against a single greedy sequence, on the shipped model and on one that was made weak.

Held-out tasks of the embedded model's suites, through running daemons: every call of a tool is a
syscall to the real drivers. Each task is done twice, each time in a world made anew:

- single: the likeliest reply each time, its calls done as they come, nothing thought of twice;
- planned: `plan.solve` with several candidates, the likeliest done, and replanning.

Both see what their calls give. A task counts when the answer and the state of memory and files are
the expert's, whatever the model says of it. Several daemons share the tasks: each has a memory and
files of its own, and calibrates by its own outcomes.

The weak model is the shipped one with Gaussian noise on the output vectors of the words that names
of tools are made of, so many times as large as the vectors' own spread, from a fixed seed: it is
bad at its first thought, which tool to use, and as good as before at all that follows.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from llmagentos.services.learning.embedded.solve import solve
from llmagentos.services.learning.embedded.suites import SUITES
from llmagentos.services.learning.embedded.tasks import Task, demonstrate
from llmagentos.services.learning.embedded.world import SIGNATURES, LocalWorld
from llmagentos.services.planner.calibration import reliability
from llmagentos.syscalls.client import connect
from llmagentos.syscalls.os import OS
from llmagentos.syscalls.plan import PlanInfo
from llmagentos.syscalls.tool import ToolInfo

from .daemon import daemon
from .embedded import LiveWorld
from .report import asked

#: Where the tasks come from: the suites whose worlds are memory, files and sums.
FROM = ("entities", "phrasing", "compositions", "long_strings")
INSTRUCTIONS = "You are a helpful agent."
WEIGHTS = "model.safetensors"
#: Tokens of a reply, at most.
REPLY = 128


def weaken(source: Path, folder: Path, noise: float, seed: int = 0) -> None:
    """Write a copy of a model with noise on the output vectors of the tools' names."""
    import torch
    from safetensors.torch import load_file, save_file
    from transformers import AutoTokenizer

    shutil.copytree(source, folder)
    tokenizer: Any = AutoTokenizer.from_pretrained(source, local_files_only=True)
    words = {word for name in SIGNATURES for word in name.split("_")}
    spelt = [tokenizer(word, add_special_tokens=False)["input_ids"] for word in sorted(words)]
    weights = load_file(source / WEIGHTS)
    # The input's vectors, which are the output's as well until here, stay as they are.
    output = weights["model.embed_tokens.weight"].float().clone()
    spread, drawn = output.std(), torch.Generator().manual_seed(seed)
    for (token,) in (one for one in spelt if len(one) == 1):
        output[token] += noise * spread * torch.randn(output.shape[1], generator=drawn)
    save_file(weights | {"lm_head.weight": output}, folder / WEIGHTS, metadata={"format": "pt"})
    config = json.loads((folder / "config.json").read_text()) | {"tie_word_embeddings": False}
    (folder / "config.json").write_text(json.dumps(config))


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
        """Whether a single greedy sequence solves a task."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A task that was done both ways."""

    single: bool
    planned: bool
    plan: PlanInfo


async def share(
    path: Path, state: Path, target: str, given: list[Task], options: Any
) -> list[Trial]:
    """Do tasks with one daemon, one after the other."""
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(str(path))
    os = OS(await connect(sock))
    await os.model.use(target)
    home = state / "home" / (await os.process.ls(all=True))[0].principal / "session"
    bench = Bench(os, home, await os.tool.ls(), options)
    trials = []
    for task in given:
        single = await bench.single(task)
        planned, plan = await bench.planned(task)
        trials.append(Trial(single=single, planned=planned, plan=plan))
        if options.show and single != planned:
            _show(task, plan, planned)
        if len(trials) % 10 == 0:
            done = sum(one.single for one in trials), sum(one.planned for one in trials)
            print(f"{target}: {len(trials)} tasks, {done} solved", file=sys.stderr, flush=True)
    os.client.close()
    return trials


def compare(folder: Path, name: str, target: str, options: Any) -> dict[str, float]:
    """Return the percentages of both ways on a model, and how well confidence told success."""

    async def work() -> list[Trial]:
        shares = (
            share(path, state, target, given[place :: options.daemons], options)
            for place, (path, state) in enumerate(daemons)
        )
        return [one for trials in await asyncio.gather(*shares) for one in trials]

    given = tasks(options.count, options.seed)
    with ExitStack() as stack:
        states = [folder / f"{name}{place}" for place in range(options.daemons)]
        daemons = [(stack.enter_context(daemon(state)), state) for state in states]
        trials = asyncio.run(work())
    told = [(t.plan.confidence, t.planned) for t in trials if t.plan.confidence is not None]
    ece, _ = reliability([one for one, _ in told], [one for _, one in told])
    return {
        "tasks": len(trials),
        "single": 100 * sum(one.single for one in trials) / len(trials),
        "planned": 100 * sum(one.planned for one in trials) / len(trials),
        "won": sum(one.planned and not one.single for one in trials),
        "lost": sum(one.single and not one.planned for one in trials),
        "rounds": sum(len(one.plan.decisions) for one in trials) / len(trials),
        "foretold": len(told),
        "ece": -1.0 if ece is None else ece,
    }


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
    parser = asked("planning", __doc__)
    parser.add_argument("--count", type=int, default=160, help="tasks for each model")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--strategy", default="best-of-k")
    parser.add_argument("--candidates", type=int, default=6)
    parser.add_argument("--temperature", type=float, default=0.8)
    parser.add_argument("--noise", type=float, default=2.5, help="on the weak model's names")
    parser.add_argument("--daemons", type=int, default=2, help="that share the tasks")
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
                one = found[name] = compare(Path(folder), name[0], target, options)
                print(
                    f"{name}: {one['single']:.1f} % single, {one['planned']:.1f} % planned "
                    f"({one['won']:.0f} won and {one['lost']:.0f} lost of {one['tasks']:.0f} tasks,"
                    f" {one['rounds']:.1f} rounds; calibration error {one['ece']:.3f} of "
                    f"{one['foretold']:.0f})",
                    flush=True,
                )
    figures = {
        f"gain_{name}": round(one["planned"] - one["single"], 1) for name, one in found.items()
    }
    figures["ece"] = round(max(one["ece"] for one in found.values()), 3)
    print("  ".join(f"{name} {value}" for name, value in figures.items()))
    if options.json:
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
