"""What every benchmark is asked and how it answers.

Interface:
    asked           a parser of options, of which `--json` is one
    report          figures as a table, and as JSON where that was asked for
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping


def asked(name: str, about: str | None, rounds: int | None = None) -> argparse.ArgumentParser:
    """Return a benchmark's parser; `rounds` is how many there are unless somebody says otherwise,
    None for one that has none."""
    parser = argparse.ArgumentParser(prog=f"benchmarks.{name}", description=about)
    parser.add_argument("--json", action="store_true", help="print one JSON object as last line")
    if rounds is not None:
        parser.add_argument("--rounds", type=int, default=rounds)
    return parser


def report(figures: Mapping[str, float], options: argparse.Namespace) -> None:
    """Print figures."""
    width = max(map(len, figures))
    for name, figure in figures.items():
        print(f"{name:<{width}} {figure:>14,.4f}")
    if options.json:
        print(json.dumps({name: round(figure, 5) for name, figure in figures.items()}))
