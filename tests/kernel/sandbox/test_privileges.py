"""Privileges are given up for good, by the process and by what it executes."""

from __future__ import annotations

import os

import pytest

from .conftest import Attempt

HELD = """
from llmagentos.kernel.sandbox import privileges
def held(text):
    return [line.split()[1].strip("0") for line in text.splitlines() if line.startswith("Cap")]
"""


def test_nothing_is_left_to_use_or_to_pass_on(attempt: Attempt) -> None:
    said = attempt(
        HELD + "privileges.drop()\n"
        "print(canary.privileges())\n"
        "names = ('CapInh', 'CapPrm', 'CapEff', 'CapAmb')\n"
        "status = Path('/proc/self/status').read_text().splitlines()\n"
        "print([line.split()[1].strip('0') for line in status if line.startswith(names)])\n"
    )
    assert said == ["True", "['', '', '', '']"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has privileges to lose")
def test_another_program_does_not_bring_them_back_to_root(attempt: Attempt) -> None:
    said = attempt(
        HELD + "import subprocess\n"
        "print(canary.privileges())\n"
        "privileges.drop()\n"
        "print(any(held(subprocess.check_output(['cat', '/proc/self/status'], text=True))))\n"
        "attempt(os.sethostname, 'x') if hasattr(os, 'sethostname') else None\n"
        "attempt(os.setuid, 1)\n"
        "attempt(os.mknod, '/tmp/device', 0o020600, os.makedev(1, 3))\n"
    )
    assert said == ["False", "False", "PermissionError", "PermissionError"]


def test_dropping_twice_is_no_error(attempt: Attempt) -> None:
    assert attempt(HELD + "attempt(privileges.drop)\nattempt(privileges.drop)\n") == ["done"] * 2
