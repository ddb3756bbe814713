"""What reading may take: time that Python hears of, time that it does not, and memory."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
import textwrap

import pytest

from llmagentos.drivers.perception.bounds import OutOfTime, time_limit


def run(program: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, timeout=60
    )


def test_work_without_end_is_interrupted_and_the_limits_are_given_back() -> None:
    before = resource.getrlimit(resource.RLIMIT_CPU), signal.getsignal(signal.SIGPROF)
    with pytest.raises(OutOfTime), time_limit(0.05):
        while True:
            try:
                sum(range(1000))
            except Exception:
                continue
    assert (resource.getrlimit(resource.RLIMIT_CPU), signal.getsignal(signal.SIGPROF)) == before


def test_source_that_takes_too_long_is_an_error_or_cut() -> None:
    # In a process of its own: an alarm may ring in the midst of another test's leavings.
    ended = run("""
        from llmagentos.drivers.perception.worker import work
        order = {"number": 1, "media": None, "caption": False, "transcript": False}
        text = "[" + ",".join(["[1, [2], {}]"] * 1_000_000) + "]"
        order |= {"name": "a.json", "data": text.encode(), "limit": 1000, "seconds": 0.05}
        answer = work(order)
        assert answer["error"][0] == "ETIMEDOUT" and answer["spent"], answer.keys()
        text = "# a\\n\\nword\\n\\n" * 200_000
        order |= {"name": "a.md", "data": text.encode(), "limit": 4_000_000, "seconds": 0.1}
        found = work(order)["found"]
        assert found["truncated"] and found["observations"]
    """)
    assert ended.returncode == 0, ended.stderr


def test_library_that_hears_no_alarm_is_ended_with_its_process() -> None:
    ended = run("""
        import signal
        from llmagentos.drivers.perception import bounds
        bounds.GRACE = 0.0
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGPROF})
        with bounds.time_limit(0.1):
            while True:
                pass
    """)
    assert ended.returncode == -signal.SIGXCPU


def test_source_that_takes_too_much_memory_is_too_big() -> None:
    ended = run("""
        from pathlib import Path
        from llmagentos.drivers.perception.bounds import confine
        from llmagentos.drivers.perception.worker import work
        order = {"number": 1, "name": "a.json", "media": None, "limit": 1000, "seconds": 60.0,
                 "caption": False, "transcript": False}
        assert "found" in work(order | {"data": b"[1]"})
        confine(int(Path("/proc/self/statm").read_text().split()[0]) * 4096 + 2**26)
        answer = work(order | {"data": b"[" + b"[1]," * 3_000_000 + b"1]"})
        assert answer["error"][0] == "E2BIG" and answer["spent"], answer
    """)
    assert ended.returncode == 0, ended.stderr


def test_limits_of_the_house_hold_where_they_are_narrower() -> None:
    ended = run("""
        import resource
        from llmagentos.drivers.perception.bounds import confine, time_limit, worn
        resource.setrlimit(resource.RLIMIT_CPU, (30, 30))
        resource.setrlimit(resource.RLIMIT_AS, (2**31, 2**31))
        confine(2**33)
        assert resource.getrlimit(resource.RLIMIT_AS) == (2**31, 2**31)
        with time_limit(60.0):
            assert resource.getrlimit(resource.RLIMIT_CPU) == (30, 30)
        assert not worn()
        resource.setrlimit(resource.RLIMIT_CPU, (1, 1))
        while not worn():
            pass
    """)
    assert ended.returncode == 0, ended.stderr
