"""Agents learn from what they did, and the better model is put to work. Run by `make learn-demo`.

    python examples/learn/demo.py [--seconds 420] [--tasks 300] [--folder FOLDER]

A model that was stopped early in its training answers in a daemon of the demo's own. Agents work
with it; it learns from their journal; the gate compares both on tasks that neither has seen; and
the better one takes the place of the other. Every step is an `aos` command that is shown.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from llmagentos.services.learning.embedded.cases import cases

HERE = Path(__file__).parent
#: What is asked for, and the list of ways to ask that it has never heard.
KINDS = (
    "compute", "compute_store", "compute_write", "store", "recall", "forget", "write", "read",
    "read_store",
)  # fmt: skip
PHRASES = "heldout"
HELLO = [{"role": "user", "content": "hello"}]
#: Seeds of the tasks that are learnt from, and of those that are held out.
LEARNT, HELDOUT = 1, 9001


class Demo:
    """A daemon in a folder, and the commands that are given to it."""

    def __init__(self, folder: Path, console: Console) -> None:
        self.folder, self.console = folder, console
        self._environment = os.environ | {
            "LLMAGENTOS_STATE": str(folder / "state"),
            "LLMAGENTOS_SERVICES__GATEWAY__SETTINGS__PORT": "0",
        }

    def aos(self, *words: str, shown: bool = True, fails: bool = False) -> str:
        """Run a command and return what it prints; its progress is seen meanwhile.

        Exits with its code where it fails, unless that may be.
        """
        if shown:
            self.console.print(f"[bold]$ aos {' '.join(words)}[/bold]", highlight=False)
        call = "from llmagentos.services.shell.main import main; main()"
        ran = subprocess.run(
            [sys.executable, "-c", call, *words],
            stdout=subprocess.PIPE,
            text=True,
            env=self._environment,
            cwd=self.folder,
        )
        if ran.returncode and not fails:
            self.console.print(ran.stdout)
            raise SystemExit(ran.returncode)
        return ran.stdout

    def job(self, kind: str, file: str, *, fails: bool = False) -> Any:
        """Run a job to its end and return what is known of it."""
        self.aos("learn", kind, file, fails=fails)
        return json.loads(self.aos("learn", "jobs", "-n", "1", "--json", shown=False))[0]


def prepare(folder: Path, seconds: float, tasks: int) -> None:
    """Write the jobs and their tasks to a folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, count, seed in (("tasks", 2000, LEARNT), ("heldout", tasks, HELDOUT)):
        made = cases(count, seed, kinds=KINDS, phrases=PHRASES)
        text = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in made)
        (folder / f"{name}.jsonl").write_text(text)
    course = (HERE / "demo-rl.toml").read_text()
    (folder / "demo-rl.toml").write_text(course.replace("seconds = 420", f"seconds = {seconds:g}"))
    shutil.copy(HERE / "demo-evaluate.toml", folder)
    # The same, but only of what answers.
    alone = (HERE / "demo-evaluate.toml").read_text().replace('model = "graduate"', "# no model:")
    (folder / "demo-answers.toml").write_text(alone.replace('"examination"', '"answers"'))


def show(
    console: Console, verdict: dict[str, Any], after: float | None, took: dict[str, float]
) -> None:
    """Print what has come of it."""
    table = Table("", title="Agents' tasks solved, through the live daemon")
    for name in ("before", "after", "won", "lost", "p"):
        table.add_column(name, justify="right")
    table.add_row(
        f"held-out tasks: {verdict['tasks']}",
        f"{verdict['baseline_solved'] / verdict['tasks']:.1%}",
        f"{verdict['solved'] / verdict['tasks']:.1%}",
        str(verdict["won"]),
        str(verdict["lost"]),
        f"{verdict['p']:.1g}",
    )
    if after is not None:
        table.add_row("the same, once it was promoted", "", f"{after:.1%}", "", "", "")
    console.print(table)
    console.print(", ".join(f"{name} {seconds:.0f} s" for name, seconds in took.items()))


def main() -> None:
    """The demo."""
    parser = argparse.ArgumentParser(description="Learn from what agents did.")
    parser.add_argument("--seconds", type=float, default=420, help="of learning")
    parser.add_argument("--tasks", type=int, default=300, help="that are held out")
    parser.add_argument("--folder", type=Path, default=Path(".demo/learn"))
    given = parser.parse_args()
    console = Console(stderr=False)
    demo = Demo(given.folder.absolute(), console)
    took: dict[str, float] = {}
    begun = time.monotonic()

    def lap(name: str) -> None:
        took[name] = time.monotonic() - begun - sum(took.values())

    prepare(demo.folder, given.seconds, given.tasks)
    try:
        demo.aos("start")
        # It is answered as soon as there is a model.
        demo.aos("call", "model.chat", f"messages={json.dumps(HELLO)}", shown=False)
        demo.aos("learn", "adopt", "beginner", str(HERE / "undertrained"))
        demo.aos("learn", "promote", "beginner", "--overrule")
        lap("start")
        course = demo.job("rl", "demo-rl.toml")
        lap("learning")
        demo.job("evaluate", "demo-evaluate.toml", fails=True)
        card = json.loads(demo.aos("learn", "card", "graduate", "--json", shown=False))
        verdict = card["verdicts"][-1]
        lap("gate")
        if not verdict["passed"]:
            show(console, verdict, None, took)
            rounds = f"{course['step']} of {course['total']} rounds"
            raise SystemExit(
                f"The gate keeps it out: {verdict['reason']}. It had {rounds} in "
                f"{given.seconds:g} s; on a busy or slow machine give it more --seconds."
            )
        demo.aos("learn", "promote", "graduate")
        answers = demo.job("evaluate", "demo-answers.toml")
        lap("promotion")
        demo.aos("learn", "show", str(course["id"]), "--html", "course.html", shown=False)
        show(console, verdict, answers["metrics"]["solved"], took)
        console.print(f"The course's page: {demo.folder / 'course.html'}", highlight=False)
    finally:
        demo.aos("stop", shown=False, fails=True)


if __name__ == "__main__":
    main()
