from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmagentos.services.gateway.app import LOCAL
from llmagentos.services.gateway.service import Gateway, _aliases, _hosts, _rate, _tls, _where
from llmagentos.syscalls.errors import InvalidArgument
from llmagentos.syscalls.host import check_settings


def test_aliases_are_names_for_names() -> None:
    assert _aliases({}) == {}
    assert _aliases({"aliases": {"gpt-4o": "default"}}) == {"gpt-4o": "default"}


@pytest.mark.parametrize("wrong", [["gpt-4o"], "gpt-4o", {"gpt-4o": 5}])
def test_aliases_that_are_none_are_refused(wrong: Any) -> None:
    with pytest.raises(InvalidArgument, match="aliases"):
        _aliases({"aliases": wrong})


def test_host_is_this_machine_unless_others_may_come(tmp_path: Path) -> None:
    assert _hosts({}, False) == LOCAL and _hosts({}, True) is None
    assert _hosts({"hosts": ["Agents.Example.org"]}, True) == LOCAL | {"agents.example.org"}
    assert _rate({"rate": 5}) == 5.0 and _tls({}) == (None, None)


@pytest.mark.parametrize(
    ("read", "settings", "words"),
    [
        (lambda s: _hosts(s, True), {"hosts": "x"}, "hosts"),
        (_rate, {"rate": 0}, "rate"),
        (_rate, {"rate": True}, "rate"),
        (_tls, {"certificate": "/x"}, "together"),
        (_where, {"port": "many"}, "port"),
        (_where, {"port": 70000}, "65535"),
        (_where, {"port": True}, "port"),
        (_where, {"host": "localhost"}, "an address"),
        (_where, {"host": "0.0.0.0"}, "allow_remote"),
        (_where, {"host": "0.0.0.0", "allow_remote": "no"}, "true or false"),
        (_tls, {"certificate": "/nowhere/c", "key": "/nowhere/k"}, "/nowhere/c"),
    ],
)
def test_bad_setting_is_named(read: Any, settings: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        read(settings)


def test_misspelt_setting_is_refused_with_those_there_are() -> None:
    check_settings(Gateway, {"port": 0})
    with pytest.raises(InvalidArgument, match=r"'prot', perhaps port is meant; there is aliases, "):
        check_settings(Gateway, {"port": 0, "prot": 0})
