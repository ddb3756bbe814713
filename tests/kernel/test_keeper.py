"""A kernel that dies is started again on the same sockets; one that ends, or refuses, is not."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from llmagentos.kernel import restarts
from llmagentos.kernel.keeper import REFUSED, Keeper
from llmagentos.kernel.restarts import INTENSITY
from llmagentos.syscalls.errors import InputOutputError
from llmagentos.syscalls.kept import KEEPER, kept

#: Notes each of its lives, says that it is ready, and does what the line for that life says.
KERNEL = """
import os, signal, socket, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
listen, notify = (int(sys.argv[sys.argv.index(name) + 1]) for name in ("--listen", "--notify"))
lives = open("lives", "a+")
lives.write("x")
lives.flush()
lives.seek(0)
acts = sys.argv[1].split(",")
act = acts[min(len(lives.read()), len(acts)) - 1]
if act == "refuse":
    sys.exit(125)
if act == "stillborn":
    os.kill(os.getpid(), signal.SIGKILL)
if act == "asked":
    os.kill(os.getppid(), signal.SIGTERM)
    sys.exit(signal.sigwait([signal.SIGTERM]) - signal.SIGTERM)
os.write(notify, b"ready\\n")
if act == "end-badly":
    os.write(notify, b"ending\\n")
    os.kill(os.getpid(), signal.SIGKILL)
if act == "die":
    os.kill(os.getpid(), signal.SIGKILL)
if act == "answer":
    sock, _ = socket.socket(fileno=listen).accept()
    sock.send(b"hello")
    sock.close()
if act == "wait":
    signal.sigwait([signal.SIGTERM])
sys.exit(0)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(restarts, "FIRST_DELAY", 0.0)
    handled = {n: signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    yield tmp_path
    signal.set_wakeup_fd(-1)
    for number, handler in handled.items():
        signal.signal(number, handler)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)


def keep(folder: Path, *acts: str, on_ready: object = lambda: None) -> Keeper:
    command = [sys.executable, "-c", KERNEL, ",".join(acts)]
    return Keeper(folder, command, on_ready)  # type: ignore[arg-type]


def lives(folder: Path) -> int:
    return len((folder / "lives").read_text())


def test_caller_waits_in_the_queue_until_the_next_kernel_answers(folder: Path) -> None:
    ready: list[int] = []
    keeper = keep(folder, "die", "die", "answer", on_ready=lambda: ready.append(1))
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
        caller.connect(str(folder / "kernel.sock"))
        assert keeper.run() == 0
        assert caller.recv(16) == b"hello"
    keeper.close()
    assert lives(folder) == 3 and ready == [1]
    assert not (folder / "kernel.sock").exists()


def test_kernel_that_ends_or_refuses_its_first_start_is_not_started_again(folder: Path) -> None:
    for act, code in (("end", 0), ("refuse", REFUSED)):
        (folder / "lives").unlink(missing_ok=True)
        keeper = keep(folder, act)
        assert keeper.run() == code and lives(folder) == 1
        keeper.close()


def test_kernel_that_refuses_for_a_while_after_a_death_is_tried_again(folder: Path) -> None:
    keeper = keep(folder, "die", "refuse", "refuse", "end")
    assert keeper.run() == 0 and lives(folder) == 4
    keeper.close()


def test_kernel_that_dies_again_and_again_is_given_up(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    keeper = keep(folder, "die")
    assert keeper.run() == -signal.SIGKILL
    keeper.close()
    assert lives(folder) == INTENSITY and "is given up" in capfd.readouterr().err


def test_keeper_that_is_asked_to_end_asks_its_kernel(folder: Path) -> None:
    keeper = keep(folder, "wait", on_ready=lambda: os.kill(os.getpid(), signal.SIGTERM))
    assert keeper.run() == 0 and lives(folder) == 1
    keeper.close()


def test_kernel_that_dies_while_it_ends_is_not_started_again(folder: Path) -> None:
    keeper = keep(folder, "die", "end-badly", "answer")
    assert keeper.run() == -signal.SIGKILL and lives(folder) == 2
    keeper.close()


def test_why_a_kernel_was_never_up_is_told(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for act, code, why in (
        ("stillborn", -signal.SIGKILL, "ended by SIGKILL"),
        ("asked", 0, "was asked to end"),
    ):
        (folder / "lives").unlink(missing_ok=True)
        keeper = keep(folder, act)
        assert keeper.run() == code
        keeper.close()
        assert f"the kernel {why} before it was up" in capfd.readouterr().err


def test_kernel_that_does_not_listen_yet_is_not_ended_by_what_it_is_sent(folder: Path) -> None:
    deaf = "import signal; print(signal.pthread_sigmask(signal.SIG_BLOCK, ()) >= {1, 2, 15})"
    report = folder / "report"
    command = [sys.executable, "-c", f"import sys; sys.stdout = open({str(report)!r}, 'w'); {deaf}"]
    keeper = Keeper(folder, command, lambda: None)
    assert keeper.run() == 0 and report.read_text() == "True\n"
    keeper.close()


def test_service_is_given_the_same_port_by_every_kernel(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert kept("127.0.0.1", 0) is None
    monkeypatch.setenv(KEEPER, str(folder / "keeper.sock"))
    found: list[object] = []

    def ask() -> None:
        for port in (0, 0, 1):
            try:
                sock = kept("192.0.2.1" if port else "127.0.0.1", port)
                assert sock is not None
                found.append(sock.getsockname())
                sock.close()
            except InputOutputError as error:
                found.append(error.code)
        os.kill(os.getpid(), signal.SIGTERM)

    asking = threading.Thread(target=ask)
    keeper = keep(folder, "wait", on_ready=asking.start)
    assert keeper.run() == 0
    asking.join()
    keeper.close()
    first, second, third = found
    assert first == second and third == "EIO"
