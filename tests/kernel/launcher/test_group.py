"""A signal reaches a process and what it has started; for one that is gone nothing happens."""

from __future__ import annotations

import signal
import subprocess

from llmagentos.kernel.launcher.group import signal_group


def test_whole_group_is_reached() -> None:
    with subprocess.Popen(
        ["sh", "-c", "sleep 60 & echo started; wait"],
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as leader:
        assert leader.stdout is not None and leader.stdout.readline() == b"started\n"
        signal_group(leader.pid, signal.SIGKILL)
        assert leader.stdout.read() == b""  # Nobody holds the other end any more.
    assert leader.returncode == -signal.SIGKILL


def test_process_that_leads_no_group_is_reached_alone() -> None:
    with subprocess.Popen(["sleep", "60"]) as process:
        signal_group(process.pid, signal.SIGTERM)
    assert process.returncode == -signal.SIGTERM


def test_process_that_is_gone_is_passed_over() -> None:
    with subprocess.Popen(["true"], start_new_session=True) as process:
        pass
    signal_group(process.pid, signal.SIGKILL)
