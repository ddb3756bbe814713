"""A layer counts as enforced when its forbidden act was refused, and not before."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import Attempt

GIVE_UP = """
from llmagentos.kernel.launcher import zygote_main
def give_up(*wanted):
    report = zygote_main.give_up(*wanted)
    print(report["netns"], report["seccomp"])
"""


def test_free_process_is_refused_nothing(attempt: Attempt) -> None:
    said = attempt(
        "home = os.stat('/proc/self/ns/net').st_ino\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))\n"
        "print(canary.sockets(), canary.files(), canary.network(home), canary.limits())\n"
    )
    assert said == ["False False False True"]


def test_held_process_is_refused_what_it_gave_up(attempt: Attempt) -> None:
    said = attempt(
        "prctl(PR_SET_NO_NEW_PRIVS, 1)\n"
        "landlock.restrict([], [])\n"
        "print(canary.files(), canary.sockets())\n"
        "seccomp.restrict()\n"
        "print(canary.files(), canary.sockets())\n"
    )
    assert said == ["True False", "True True"]


def test_try_leaves_nothing_open(attempt: Attempt) -> None:
    said = attempt(
        "before = os.dup(0); os.close(before)\n"
        "canary.sockets(), canary.files(), canary.limits(), canary.network(0)\n"
        "print(os.dup(0) == before)\n"
    )
    assert said == ["True"]


def test_process_in_a_network_of_its_own_reaches_nobody(attempt: Attempt) -> None:
    said = attempt(
        GIVE_UP + "with socket.create_server(('127.0.0.1', 0)) as server:\n"
        "    address = server.getsockname()\n"
        "    attempt(lambda: socket.create_connection(address).close())\n"
        "    give_up('required', 'off')\n"
        "    attempt(lambda: socket.create_connection(address, 1))\n"
        "    attempt(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)"
        ".sendto(b'x', ('192.0.2.1', 9)))\n"
    )
    if said[1].startswith("unavailable"):
        pytest.skip("this machine gives nobody a network of their own")
    assert said == ["done", "enforced off", "OSError", "OSError"]


@pytest.mark.parametrize(
    ("wanted", "report"),
    [(("off", "off"), "off off"), (("off", "wanted"), "off enforced")],
)
def test_layer_that_nobody_wants_is_off(
    attempt: Attempt, wanted: tuple[str, str], report: str
) -> None:
    assert attempt(GIVE_UP + f"give_up(*{wanted!r})\n") == [report]


@pytest.mark.usefixtures("x86_64")
@pytest.mark.parametrize(
    ("lacking", "report"),
    [
        ("without(272)", "unavailable enforced"),  # unshare
        ("zygote_main.unshare = lambda flags: None", "failed enforced"),
        ("without(157)", "enforced unavailable"),  # prctl
        ("seccomp.platform.machine = lambda: 'pdp11'", "enforced unavailable"),
        ("seccomp._REFUSED['x86_64'][1].clear()", "enforced failed"),
    ],
)
def test_layer_that_does_not_hold_is_reported_as_it_is(
    attempt: Attempt, lacking: str, report: str
) -> None:
    assert attempt(GIVE_UP + f"{lacking}\ngive_up('wanted', 'wanted')\n") == [report]


@pytest.mark.usefixtures("x86_64")
@pytest.mark.parametrize(
    ("lacking", "sandbox", "report"),
    [
        ("", "", "enforced enforced"),
        ("", "landlock='off', rlimits='off'", "off off"),
        ("without(444)", "", "unavailable enforced"),
        ("without(446)", "", "unavailable enforced"),
        ("child.restrict = lambda readable, writable, known: None", "", "failed enforced"),
        ("without(302)", "", "enforced failed"),  # prlimit64
        pytest.param(
            "child.setrlimit = lambda kind, bounds: None",
            "",
            "enforced failed",
            marks=pytest.mark.xfail(
                strict=True, reason="limits() finds some limit, not the one that is wanted"
            ),
        ),
        ("canary.limits = lambda: False", "", "enforced failed"),
    ],
)
def test_layers_of_one_process_are_reported_as_they_are(
    attempt: Attempt, lacking: str, sandbox: str, report: str
) -> None:
    said = attempt(
        "from llmagentos.kernel.launcher import child\n"
        "from llmagentos.kernel.sandbox.layers import Sandbox\n"
        f"{lacking}\n"
        f"report = child._restrict(Sandbox({sandbox}).wire(), '/tmp', [])\n"
        "print(report['landlock'], report['rlimits'])\n"
    )
    assert said == [report]


def test_limits_are_set_as_they_are_wanted_and_never_above_what_is_allowed(
    attempt: Attempt,
) -> None:
    said = attempt(
        "from llmagentos.kernel.launcher import child\n"
        "from llmagentos.kernel.sandbox.layers import Sandbox\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500))\n"
        "box = Sandbox(memory=2**32, files=50, cpu=7, file_size=1000)\n"
        "print(child._limit(box.wire()[5:9]))\n"
        "for name in ('AS', 'NOFILE', 'CPU', 'FSIZE', 'CORE'):\n"
        "    print(*resource.getrlimit(getattr(resource, f'RLIMIT_{name}')))\n"
    )
    assert said == ["enforced", "4294967296 4294967296", "50 50", "7 7", "500 500", "0 0"]


def test_calls_count_as_refused_with_the_filter_and_not_before(attempt: Attempt) -> None:
    said = attempt(
        "from llmagentos.kernel.sandbox import canary, seccomp\n"
        "print(canary.calls())\n"
        "seccomp.restrict()\n"
        "print(canary.calls())\n"
    )
    assert said == ["False", "True"]


def test_file_beside_the_home_counts_as_refused_only_where_it_is(
    attempt: Attempt, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    said = attempt(
        "from llmagentos.kernel.sandbox import canary, landlock\n"
        "from llmagentos.kernel.sandbox.native import PR_SET_NO_NEW_PRIVS, prctl\n"
        f"home = {str(home)!r}\n"
        "print(canary.writes(home))\n"
        "prctl(PR_SET_NO_NEW_PRIVS, 1)\n"
        "landlock.restrict((), (home,))\n"
        "print(canary.writes(home))\n"
    )
    assert said == ["False", "True"]
    assert list(tmp_path.iterdir()) == [home]
