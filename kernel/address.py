"""Where a call goes, by its arguments: a host and a path have many ways of writing them.

Interface:
    argument        a value among a call's arguments; the host is that of its address
    doubtful        whether readers of a value might disagree where it leads
    plain           a path in its shortest way of writing
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import ip_address
from posixpath import normpath
from typing import Any
from urllib.parse import urlsplit

#: What stands for a host that two readers of an address might not agree on.
_DOUBTFUL = "?"
#: Addresses that everybody reads alike; user names before the host are where readers differ.
_PLAIN = re.compile(r"[a-z][a-z0-9+.-]*://[a-z0-9._-]*(\[[0-9a-f:.]+\])?(:[0-9]*)?([/?#][^\\\s]*)?")
#: The end of a host that is an address in one of the ways in which few write it.
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")


def argument(arguments: Mapping[str, Any], key: str) -> str | None:
    """Find a value among a call's arguments, or among those of the tool that it calls.

    The host is that of the `url` where there is one: an argument named host beside it must not
    hide where the call really goes.
    """
    nested = arguments.get("arguments")
    levels = (arguments, nested if isinstance(nested, Mapping) else {})
    if key == "host":
        for level in levels:
            if "url" in level:
                return _host(level["url"])
    for level in levels:
        if key in level:
            return str(level[key])
    return None


def doubtful(key: str, value: str) -> bool:
    """Whether a path leads out of the folder that its beginning names, or a host is unclear."""
    return ".." in value.split("/") or (key == "host" and value == _DOUBTFUL)


def plain(path: str) -> str:
    """Return a path without detours, and without the second slash before it that those leave."""
    return normpath(path).replace("//", "/")


def _host(url: Any) -> str:
    """Return an address's host in small letters, `_DOUBTFUL` where readers might disagree."""
    text = str(url)
    if _PLAIN.fullmatch(text.lower()) is None:
        return _DOUBTFUL
    try:
        host = (urlsplit(text).hostname or _DOUBTFUL).rstrip(".")
    except ValueError:
        return _DOUBTFUL
    try:
        address = ip_address(host)
    except ValueError:
        return _DOUBTFUL if _NUMBER.fullmatch(host.rpartition(".")[2]) else host
    return str(getattr(address, "ipv4_mapped", None) or address)
