"""Forbidden acts are tried in a process of their own: what it gives up is not given back."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest

Attempt = Callable[..., list[str]]

_TOOLS = """
import os, resource, socket, sys
from pathlib import Path
from llmagentos.kernel.sandbox import canary, landlock, native, seccomp
from llmagentos.kernel.sandbox.native import PR_SET_NO_NEW_PRIVS, prctl

def attempt(act, *arguments):
    try:
        act(*arguments)
        print("done")
    except BaseException as error:
        print(type(error).__name__)

def without(*numbers):
    # A machine that refuses these system calls, as one does that does not have them.
    audit, _ = seccomp._REFUSED["x86_64"]
    table = {str(number): number for number in numbers}
    kept, seccomp._REFUSED = seccomp._REFUSED, {"x86_64": (audit, table)}
    seccomp.restrict()
    seccomp._REFUSED = kept
"""


@pytest.fixture
def attempt() -> Attempt:
    """Run a text with these tools and arguments; return the lines that it prints."""

    def run(text: str, *arguments: object) -> list[str]:
        ran = subprocess.run(
            [sys.executable, "-c", _TOOLS + text, *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert ran.returncode == 0, ran.stderr
        return ran.stdout.splitlines()

    return run


@pytest.fixture
def x86_64() -> None:
    """The numbers of system calls that some tests name are this machine's."""
    import platform

    if platform.machine() != "x86_64":
        pytest.skip("numbers of system calls are x86_64's")
