"""Refused system calls fail with EPERM, for the process and whatever it starts, for good."""

from __future__ import annotations

import platform

import pytest

from llmagentos.kernel.sandbox import seccomp

from .conftest import Attempt


@pytest.mark.parametrize("family", ["AF_INET", "AF_INET6", "AF_UNIX", "AF_NETLINK"])
@pytest.mark.parametrize("kind", ["SOCK_STREAM", "SOCK_DGRAM"])
def test_no_kind_of_socket_can_be_made(attempt: Attempt, family: str, kind: str) -> None:
    if family == "AF_NETLINK":
        kind = "SOCK_RAW"
    made = f"attempt(socket.socket, socket.{family}, socket.{kind})\n"
    assert attempt("seccomp.restrict()\n" + made) == ["PermissionError"]


def test_socket_from_before_can_neither_connect_nor_bind_nor_listen_nor_accept(
    attempt: Attempt,
) -> None:
    said = attempt(
        "one, two = socket.socket(), socket.socket(socket.AF_UNIX)\n"
        "with socket.create_server(('127.0.0.1', 0)) as server:\n"
        "    address = server.getsockname()\n"
        "    waiting = socket.create_connection(address)\n"
        "    seccomp.restrict()\n"
        "    attempt(one.connect, address)\n"
        "    attempt(two.connect, '/nowhere')\n"
        "    attempt(one.bind, ('127.0.0.1', 0))\n"
        "    attempt(one.listen)\n"
        "    attempt(server.accept)\n"
        "    waiting.close(); one.close(); two.close()\n"
    )
    assert said == ["PermissionError"] * 5


@pytest.mark.parametrize(
    ("family", "outcome"),
    [("AF_INET", "done"), ("AF_INET6", "done"), ("AF_UNIX", "PermissionError"),
     ("AF_NETLINK", "PermissionError")],
)  # fmt: skip
def test_sockets_of_the_internet_alone_can_be_allowed(
    attempt: Attempt, family: str, outcome: str
) -> None:
    said = attempt(
        "seccomp.restrict(internet=True)\n"
        f"attempt(lambda: socket.socket(socket.{family}, socket.SOCK_RAW"
        " if 'LINK' in sys.argv[1] else socket.SOCK_STREAM).close())\n"
        "attempt(os.setpriority, os.PRIO_PROCESS, os.getppid(), 1)\n",
        family,
    )
    assert said == [outcome, "PermissionError"]


def test_socketpair_and_event_loop_go_on_working(attempt: Attempt) -> None:
    said = attempt(
        "seccomp.restrict()\n"
        "import asyncio, uvloop\n"
        "attempt(lambda: [end.close() for end in socket.socketpair()])\n"
        "attempt(lambda: asyncio.run(asyncio.sleep(0)))\n"
        "attempt(lambda: uvloop.run(asyncio.sleep(0)))\n"
        "attempt(os.listdir, '/')\n"
    )
    assert said == ["done"] * 4


@pytest.mark.usefixtures("x86_64")
def test_every_call_of_the_list_is_refused_and_no_other(attempt: Attempt) -> None:
    refused = seccomp._REFUSED["x86_64"][1]
    said = attempt(
        "import errno\n"
        "numbers = list(seccomp._REFUSED['x86_64'][1].values())\n"
        "seccomp.restrict()\n"
        # Arguments that every call would refuse by itself, with something else than EPERM.
        "for number in [*numbers, 32, 3]:\n"
        "    try:\n"
        "        native.syscall(number, *map(native.ctypes.c_long, [-1] * 6)); print('done')\n"
        "    except OSError as error: print(errno.errorcode[error.errno])\n"
    )
    assert said == ["EPERM"] * len(refused) + ["EBADF"] * 2


def test_children_and_other_programs_are_held_too(attempt: Attempt) -> None:
    said = attempt(
        "seccomp.restrict()\n"
        "import subprocess\n"
        "made = 'import socket\\ntry: socket.socket()\\nexcept OSError as e: print(e.errno)'\n"
        "print(subprocess.check_output([sys.executable, '-ISc', made], text=True).strip())\n"
    )
    assert said == ["1"]


def test_privileges_cannot_come_back_by_a_program_of_somebody_else(attempt: Attempt) -> None:
    said = attempt(
        "seccomp.restrict()\n"
        "status = Path('/proc/self/status').read_text()\n"
        "print([line.split()[1] for line in status.splitlines()"
        " if line.startswith(('NoNewPrivs', 'Seccomp:'))])\n"
    )
    assert said == ["['1', '2']"]


@pytest.mark.usefixtures("x86_64")
def test_call_by_a_number_of_another_architecture_ends_the_process(attempt: Attempt) -> None:
    said = attempt(
        "if os.fork() == 0:\n"
        "    seccomp.restrict()\n"
        "    native.syscall(0x40000000 | 41, 2, 1, 0)\n"
        "    os._exit(0)\n"
        "print(os.WTERMSIG(os.wait()[1]))\n"
    )
    assert said == ["31"]  # SIGSYS


def test_machine_whose_calls_nobody_has_listed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "pdp11")
    with pytest.raises(OSError, match="pdp11"):
        seccomp.restrict()


def test_lists_of_both_architectures_name_the_same_calls() -> None:
    (one, first), (other, second) = seccomp._REFUSED.values()
    # One of them has ports for input and output.
    assert first.keys() - {"iopl", "ioperm"} == second.keys() and one != other
    for numbers in (first, second):
        assert len(set(numbers.values())) == len(numbers)


def test_process_changes_its_own_limits_and_rank_but_nobody_elses(attempt: Attempt) -> None:
    said = attempt(
        "seccomp.restrict()\n"
        "other = os.getppid()\n"
        "attempt(resource.setrlimit, resource.RLIMIT_CORE, (0, 0))\n"
        "attempt(os.setpriority, os.PRIO_PROCESS, 0, 1)\n"
        "attempt(os.sched_setaffinity, 0, os.sched_getaffinity(0))\n"
        "attempt(resource.prlimit, other, resource.RLIMIT_CORE, (0, 0))\n"
        "attempt(os.setpriority, os.PRIO_PROCESS, other, 1)\n"
        "attempt(os.setpriority, os.PRIO_USER, 0, 1)\n"
        "attempt(os.sched_setaffinity, other, os.sched_getaffinity(0))\n"
        "attempt(os.sched_setscheduler, other, os.SCHED_BATCH, os.sched_param(0))\n"
    )
    assert said == ["done"] * 3 + ["PermissionError"] * 5


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [("SOCK_STREAM", "done"), ("SOCK_SEQPACKET", "done"), ("SOCK_DGRAM", "PermissionError"),
     ("SOCK_RAW", "PermissionError")],
)  # fmt: skip
@pytest.mark.parametrize("internet", [True, False])
def test_no_pair_of_sockets_sends_to_a_third(
    attempt: Attempt, kind: str, outcome: str, internet: bool
) -> None:
    flags = "socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK"
    said = attempt(
        f"seccomp.restrict(internet={internet})\n"
        f"attempt(socket.socketpair, socket.AF_UNIX, socket.{kind} | {flags})\n"
        "sys.stdout.flush(); os._exit(0)\n"
    )
    assert said == [outcome]
