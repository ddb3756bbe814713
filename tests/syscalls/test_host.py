"""What the process of a driver or service makes of its part of the configuration."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest

from llmagentos.syscalls.errors import InvalidArgument
from llmagentos.syscalls.host import Host, check_settings, load, run
from llmagentos.syscalls.interface import Interface


class Shop(Interface, name="shop"):
    pass


class Plain(Shop):
    SETTINGS = ()


class Large(Shop):
    SETTINGS = ("till", "doors")


def test_interface_that_says_nothing_of_its_settings_is_given_all() -> None:
    check_settings(Shop, {"till": 1, "anything": 2})


@pytest.mark.parametrize(
    ("kind", "given", "words"),
    [
        (Plain, ["till"], "'till'; there is none"),
        (Large, ["till", "door"], "'door', perhaps doors .*; .* doors, till"),
    ],
)
def test_setting_that_there_is_not_is_refused_with_those_there_are(
    kind: type[Interface], given: list[str], words: str
) -> None:
    with pytest.raises(InvalidArgument, match=words):
        check_settings(kind, given)


@pytest.mark.parametrize(
    "entry",
    [
        "llmagentos.drivers.inference.driver:InferenceDriver",
        "llmagentos.drivers.knowledge.driver:KnowledgeDriver",
        "llmagentos.drivers.memory.driver:MemoryDriver",
        "llmagentos.drivers.perception.driver:PerceptionDriver",
        "llmagentos.services.gateway.service:Gateway",
        "llmagentos.services.learning.service:LearningService",
        "llmagentos.services.planner.service:Planner",
    ],
)
def test_drivers_and_services_of_the_house_take_no_misspelt_setting(entry: str) -> None:
    with pytest.raises(InvalidArgument, match="there is no setting 'misspelt'"):
        check_settings(load(entry), ["misspelt"])


class Broken(Interface, name="broken"):
    async def setup(self, host: Host) -> None:
        raise RuntimeError("no paper")


def test_last_line_of_one_that_cannot_come_up_says_why(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "shop", sys.modules[__name__])
    ours, theirs = socket.socketpair()
    ours.close()
    told = {"entry": "shop:Broken", "state": str(tmp_path), "homes": str(tmp_path)}
    assert run(told, theirs) == 1
    last = capfd.readouterr().err.splitlines()[-1]
    assert last == "shop:Broken: RuntimeError: no paper"
