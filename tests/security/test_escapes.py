"""No known way leads out of a sandbox, for an agent, a foreign program, or a tool's code."""

from __future__ import annotations

from typing import Any

import pytest

from ..integration.conftest import Daemon
from .conftest import ESCAPES, as_agent, as_program, as_tool

ATTEMPTS = ESCAPES.read_text().count("\n@escape\n")


@pytest.mark.parametrize("attempt", [as_agent, as_program], ids=lambda one: one.__name__)
def test_every_escape_fails(attempt: Any, daemon: Daemon, places: dict[str, Any]) -> None:
    found = attempt(daemon, places)
    assert len(found) == ATTEMPTS
    opened = {name: what for name, what in found if what.startswith("OPEN")}
    assert not opened, "\n".join(f"{name}: {what}" for name, what in opened.items())


def test_every_escape_of_a_tools_code_fails(
    daemon: Daemon, places: dict[str, Any], bubblewrap: None
) -> None:
    found = as_tool(daemon, places)
    assert len(found) == ATTEMPTS
    opened = {name: what for name, what in found if what.startswith("OPEN")}
    assert not opened, "\n".join(f"{name}: {what}" for name, what in opened.items())
