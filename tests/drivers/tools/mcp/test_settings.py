"""What may be said of a server."""

from __future__ import annotations

from typing import Any

import pytest

from llmagentos.drivers.tools.mcp.settings import check_name, read
from llmagentos.syscalls.errors import InvalidArgument


@pytest.mark.parametrize(
    ("values", "named"),
    [({}, "either"), ({"command": ["x"], "url": "http://h"}, "either"), ({"command": "x"}, "list"),
     ({"url": "ftp://h"}, "address"), ({"url": "http://"}, "address"), ({"url": 5}, "url"),
     ({"url": "http://h:99999"}, "address"), ({"command": [""]}, "program"),
     ({"command": ["a\0b"]}, "NUL"), ({"command": ["x"], "env": {"A=B": "1"}}, "variable"),
     ({"command": ["x"], "headers": {"a": "b"}}, "headers"),
     ({"url": "http://h", "env": {"a": "b"}}, "command's"),
     ({"url": "http://h", "headers": {"a": "b\r\nc"}}, "one line"),
     ({"url": "http://h", "timeout": 301}, "timeout"), ({"url": "http://h", "rate": 0}, "rate"),
     ({"url": "http://h", "colour": "red"}, "colour"), ({"url": "http://[h"}, "address")],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_by_name(values: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidArgument, match=named):
        read(values)


@pytest.mark.parametrize("name", ["", "A", "1a", "a_b", "a b", "a" * 25, "a\n", "é"])
def test_a_name_that_would_make_tools_ambiguous_is_refused(name: str) -> None:
    with pytest.raises(InvalidArgument, match="no name of a server"):
        check_name(name)


def test_an_address_shows_no_secrets() -> None:
    assert read({"url": "https://me:key@host:8/mcp?token=1"}).address() == "https://host:8/mcp"
    assert read({"command": ["a b", "c"], "env": {"K": "key"}}).address() == "'a b' c"
