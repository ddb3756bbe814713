"""Judges a saved model by its suites.

    python -m llmagentos.services.learning.embedded.evaluate FOLDER

Prints a table and writes `report.json` beside the weights. Ends with 1 where a goal is missed.

Interface:
    Result          one suite's outcome
    judge           a model's outcomes on one suite
    main            the command
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .player import Player
from .solve import Chat, Outcome, prepared, solve
from .suites import GOALS, SUITES
from .tasks import Task

__all__ = ["Result", "judge", "main", "solve"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One suite's outcome."""

    name: str
    tasks: int
    successes: int
    seconds: float
    failures: tuple[Outcome, ...]

    @property
    def share(self) -> float:
        """Successes of all tasks, 0 to 1."""
        return self.successes / self.tasks


async def judge(
    name: str,
    tasks: Sequence[Task],
    chat: Chat,
    *,
    report: Callable[[Outcome], None] = lambda outcome: None,
) -> Result:
    """Solve tasks one after another, each in a fresh local world."""
    begun = time.monotonic()
    failures = []
    for task in tasks:
        outcome = await solve(task, chat, prepared(task))
        report(outcome)
        if not outcome.solved:
            failures.append(outcome)
    return Result(
        name=name,
        tasks=len(tasks),
        successes=len(tasks) - len(failures),
        seconds=time.monotonic() - begun,
        failures=tuple(failures),
    )


def _write(folder: Path, results: Sequence[Result], seed: int) -> None:
    """`report.json` with the figures of the suites and of the training run."""
    path = folder / "report.json"
    training = folder / "training.json"
    known: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    if training.exists():
        known["training"] = json.loads(training.read_text())
    known["evaluation"] = {
        "seed": seed,
        "suites": {
            result.name: {
                "tasks": result.tasks,
                "success": round(result.share, 4),
                "goal": GOALS[result.name],
                "seconds": round(result.seconds, 1),
            }
            for result in results
        },
    }
    aside = path.with_suffix(".tmp")
    aside.write_text(json.dumps(known, indent=2) + "\n")
    os.replace(aside, path)


def _print(results: Sequence[Result]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("suite", "tasks", "success", "goal", "seconds")
    for result in results:
        share, goal = f"{result.share:.1%}", f"{GOALS[result.name]:.0%}"
        table.add_row(result.name, str(result.tasks), share, goal, f"{result.seconds:.0f}")
    Console().print(table)


def main() -> int:
    """The command."""
    import torch
    from rich.console import Console
    from rich.progress import Progress

    parser = argparse.ArgumentParser(description="Judge an embedded model by its suites.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tasks", type=int, default=250, help="of each suite")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--failures", action="store_true", help="print what went wrong")
    parser.add_argument("--no-report", action="store_true", help="do not write report.json")
    given = parser.parse_args()
    torch.set_num_threads(1)
    player = Player(given.folder)
    results = []
    with Progress(console=Console(file=sys.stderr)) as progress:
        for name, suite in SUITES.items():
            bar = progress.add_task(name, total=given.tasks)

            def advance(outcome: Outcome, bar: Any = bar) -> None:
                progress.advance(bar)

            tasks = suite(given.tasks, given.seed)
            results.append(asyncio.run(judge(name, tasks, player.chat, report=advance)))
    _print(results)
    if given.failures:
        for result in results:
            for outcome in result.failures:
                print(f"{result.name} {outcome.task.kind}: {outcome.task.prompt!r}")
                for name, arguments, said in outcome.calls:
                    print(f"    {name}({arguments}) -> {said}")
                print(f"    {outcome.answer!r}\n    expected {outcome.expected!r}")
    if not given.no_report:
        _write(given.folder, results, given.seed)
    return int(any(result.share < GOALS[result.name] for result in results))


if __name__ == "__main__":
    sys.exit(main())
