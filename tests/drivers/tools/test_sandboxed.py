"""Programs under a real bubblewrap."""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path

import pytest
import uvloop

from llmagentos.drivers.tools import watch
from llmagentos.drivers.tools.contract import Context, Failure
from llmagentos.drivers.tools.sandboxed import OUTPUT, PROGRAM, python, shell

pytestmark = pytest.mark.usefixtures("bubblewrap")


def run(tool: object, context: Context, program: str) -> str:
    return str(uvloop.run(tool(context, program)))  # type: ignore[operator]


def test_a_program_prints_and_keeps_files_in_the_home(context: Context) -> None:
    assert run(python, context, "print(6 * 7); open('made', 'w').write('here')") == "42\n"
    assert (context.home / "made").read_text() == "here"
    assert run(shell, context, "cat made; pwd; echo $HOME; echo oops >&2") == (
        "here/home/agent\n/home/agent\noops\n"
    )


def test_an_error_is_told_with_its_code_and_output(context: Context) -> None:
    with pytest.raises(Failure, match=r"ended with code 3\nbefore"):
        run(shell, context, "echo before; exit 3")
    with pytest.raises(Failure, match="ZeroDivisionError"):
        run(python, context, "1 / 0")


def test_every_limit_is_set_inside(context: Context) -> None:
    code = (
        "import resource as r\n"
        "for n in (r.RLIMIT_AS, r.RLIMIT_CPU, r.RLIMIT_FSIZE, r.RLIMIT_NPROC):\n"
        "    print(*r.getrlimit(n))"
    )
    limits = [line.split() for line in run(python, context, code).splitlines()]
    assert limits[0] == ["2147483648"] * 2 and limits[1] == ["60"] * 2
    assert limits[3] == ["256"] * 2 and all("-1" not in pair for pair in limits)


def test_memory_beyond_the_limit_is_refused(context: Context) -> None:
    with pytest.raises(Failure, match="MemoryError"):
        run(python, context, "x = bytearray(4 * 2**30)")


def test_no_capability_is_left(context: Context) -> None:
    text = run(shell, context, "grep -E 'Cap(Eff|Prm|Bnd)' /proc/self/status")
    assert {line.split()[1] for line in text.splitlines()} == {"0" * 16}


def test_nothing_but_the_home_and_bounded_scratch_can_be_written(context: Context) -> None:
    text = run(
        shell, context,
        "for f in /x /usr/x /etc/x /home/x /dev/x /bin/x; do touch $f 2>/dev/null && echo $f; done;"
        " touch /tmp/x /dev/shm/x ./x; df -k /tmp /dev/shm | awk 'NR > 1 {print $2}'",
    )  # fmt: skip
    assert text.split() == ["262144", "262144"]


def test_nothing_of_the_host_is_seen(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_SECRET", "value")
    (context.home.parent / "beside").write_text("beside")
    text = run(shell, context, f"env; cat {context.home.parent}/beside /etc/passwd 2>&1; ls /proc")
    assert "A_SECRET" not in text and "beside\n" not in text.replace("/beside:", "")
    assert text.count("No such file") == 2
    assert len([word for word in text.split() if word.isdigit()]) < 10


def test_there_is_no_network(context: Context) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(Failure, match=r"ConnectionRefused|Network is unreachable"):
            run(python, context, f"import socket; socket.create_connection(('127.0.0.1', {port}))")


def test_too_much_output_ends_the_program(context: Context) -> None:
    with pytest.raises(Failure, match=rf"more than {OUTPUT} bytes of output\n") as failed:
        run(shell, context, "yes")
    assert len(str(failed.value)) < OUTPUT + 100


def test_what_is_no_text_is_shown_and_what_is_no_program_refused(context: Context) -> None:
    assert run(shell, context, r"printf '\377x'") == "\ufffdx"
    assert run(shell, context, "echo '\ud800'") == "?\n"
    for program in ("a\0b", "x" * (PROGRAM + 1)):
        with pytest.raises(Failure, match="at most"):
            run(shell, context, program)


def test_cancelling_kills_all_that_was_started(context: Context) -> None:
    fifo = context.home / "alive"
    os.mkfifo(fifo)

    async def scene() -> None:
        # The pipe says when the program runs, and ends when its last process has ended.
        task = asyncio.create_task(
            shell(context, "(trap '' TERM HUP; echo up; sleep 1000) > alive & setsid sleep 1000")
        )
        opened = await asyncio.to_thread(open, fifo, "rb")
        with opened:
            assert await asyncio.to_thread(opened.readline) == b"up\n"
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            async with asyncio.timeout(60):
                assert await asyncio.to_thread(opened.read) == b""

    uvloop.run(scene())


def test_a_job_left_behind_ends_with_the_program(context: Context) -> None:
    assert run(shell, context, "sleep 1000 & echo done") == "done\n"


FORKS = """
import os, time
for number in range({number}):
    if os.fork() == 0:
        {do}
        time.sleep(1000)
time.sleep(1000)
"""


def test_too_many_processes_end_the_program(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "PROCESSES", 30)
    with pytest.raises(Failure, match="more than 30 processes"):
        run(python, context, FORKS.format(number=30, do="os.setsid()"))
    threads = (
        "import threading, time\n"
        "for _ in range(30): threading.Thread(target=time.sleep, args=[1000]).start()"
    )
    with pytest.raises(Failure, match="more than 30 processes"):
        run(python, context, threads)


def test_memory_counts_together(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "MEMORY", 200 * 1024**2)
    with pytest.raises(Failure, match=r"^more than 209715200 bytes of memory"):
        run(python, context, FORKS.format(number=5, do="x = bytearray(os.urandom(60 * 2**20))"))


def test_a_program_that_ends_at_once_is_not_watched_on(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "EVERY", 0.0)
    assert run(shell, context, "echo here") == "here\n"


def test_without_bubblewrap_nothing_runs(
    context: Context, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Failure, match="bubblewrap is not installed"):
        run(shell, context, "touch made")
    assert not (context.home / "made").exists()
