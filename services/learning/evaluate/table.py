"""A verdict as a table, for the job's log.

Interface:
    show            prints it
"""

from __future__ import annotations

from collections.abc import Mapping

from ....syscalls.learning import Verdict


def show(kinds: Mapping[str, tuple[int, int, int]], verdict: Verdict) -> None:
    """Print a verdict, and the tasks solved by kind: all, by the baseline, by the candidate."""
    from rich.console import Console
    from rich.table import Table

    table = Table("kind", title=f"{verdict.suite}, beside {verdict.baseline}")
    for name in ("tasks", "before", "after"):
        table.add_column(name, justify="right")
    for kind, (tasks, before, after) in kinds.items():
        table.add_row(kind or "-", str(tasks), f"{before / tasks:.0%}", f"{after / tasks:.0%}")
    table.add_section()
    table.add_row(
        "all",
        str(verdict.tasks),
        f"{verdict.baseline_solved / verdict.tasks:.1%}",
        f"{verdict.solved / verdict.tasks:.1%}",
    )
    console = Console(width=100)
    console.print(table)
    passed = "passes" if verdict.passed else f"does not pass: {verdict.reason}"
    console.print(f"{verdict.won} won, {verdict.lost} lost, p = {verdict.p:.2g}: {passed}")
