"""Where a call goes is told in one way, or is said to be doubtful."""

from __future__ import annotations

from typing import Any

import pytest

from llmagentos.kernel.address import argument, doubtful, plain


@pytest.mark.parametrize(
    ("arguments", "host"),
    [
        ({"url": "https://WWW.Example.org./a"}, "www.example.org"),
        ({"arguments": {"url": "http://[::ffff:10.0.0.1]:80/"}}, "10.0.0.1"),
        ({"host": "example.org", "arguments": {"url": "https://other.test"}}, "other.test"),
        ({"host": "example.org"}, "example.org"),
        ({}, None),
    ],
)
def test_host_is_that_of_the_address(arguments: dict[str, Any], host: str | None) -> None:
    assert argument(arguments, "host") == host
    assert host is None or not doubtful("host", host)


@pytest.mark.parametrize(
    "url", ["http://0x0a000001/", "http://2130706433/", "http://a@b/", "http:\\\\a", "a", 7, None]
)
def test_address_that_readers_might_read_differently_is_doubtful(url: Any) -> None:
    host = argument({"url": url}, "host")
    assert host is not None and doubtful("host", host)


def test_path_that_climbs_is_doubtful_and_detours_are_taken_out() -> None:
    assert doubtful("path", "a/../b") and not doubtful("path", "a/..b")
    assert plain("//private/./a//b") == "/private/a/b"
