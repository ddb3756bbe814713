"""The short forms of what `make torture` and `make fuzz` do at length."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


def told(*command: str) -> dict[str, Any]:
    """Return what a benchmark says as its last line."""
    done = subprocess.run(
        [sys.executable, "-m", *command, "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert done.stdout, done.stderr
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert done.returncode == 0, done.stdout
    return figures


@pytest.mark.slow
def test_nothing_is_lost_repeated_or_hung_wherever_a_process_is_killed() -> None:
    figures = told("benchmarks.torture", "--kills", "30", "--agents", "8", "--rounds", "15")
    assert figures["kills"] == 30
    assert [figures[name] for name in ("lost", "repeated", "hung", "wrong")] == [0, 0, 0, 0]


@pytest.mark.slow
def test_damaged_frames_and_requests_harm_nobody() -> None:
    figures = told("benchmarks.fuzz", "--frames", "40000", "--requests", "2000")
    assert figures["frames"] >= 40_000 and figures["requests"] >= 2_000
    for name in ("hung", "failed", "ended", "senders_ended"):
        assert figures[f"frames_{name}"] == figures[f"requests_{name}"] == 0
