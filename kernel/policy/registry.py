"""Policies by name, ours and anybody's.

Interface:
    find            the class of a policy
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import cast

from ...syscalls.errors import InvalidArgument, NotFound
from ..plugins import plugins
from .contract import Policy


def find(name: str) -> Callable[[], Policy]:
    """Return what makes a policy of a name. Raises `NotFound` naming those there are."""
    known = plugins("policies")
    if name not in known:
        raise NotFound(f"there is no policy {name!r}; known are {', '.join(known)}")
    module, _, attribute = known[name].entry.partition(":")
    try:
        return cast(Callable[[], Policy], getattr(import_module(module), attribute))
    except (ImportError, AttributeError) as error:
        raise InvalidArgument(f"the policy {name} cannot be loaded: {error}") from error
