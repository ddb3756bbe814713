"""The address of an endpoint, and the name and password that somebody may have put into it.

Interface:
    split           an address to one that may be shown, and the header with what may not
    shown           any text that holds an address, without a name and password
"""

from __future__ import annotations

import re
from base64 import b64encode
from urllib.parse import unquote, urlsplit

from ....syscalls.errors import InvalidArgument

#: Up to the last `@`: a password in which somebody has left a `/` is none the less not shown.
_PERSON = re.compile(r"//\S*@")


def split(address: str) -> tuple[str, dict[str, str]]:
    """Return the address without a name and password, and the header that carries those.

    Raises `InvalidArgument` for what is no http address.
    """
    try:
        parts = urlsplit(address)
        valid = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise InvalidArgument(f"{shown(address)!r} is no http address")
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl().rstrip("/")
    if parts.username is None:
        return bare, {}
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return bare, {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}


def shown(text: str) -> str:
    """Return a text as it may be shown, whether it is an address or not."""
    return _PERSON.sub("//", text)
