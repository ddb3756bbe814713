"""The reference of all syscalls."""

from __future__ import annotations

from pathlib import Path

from llmagentos.syscalls.os import OS, OURS
from llmagentos.syscalls.reference import render

PAGE = Path(__file__).parents[2] / "docs/syscalls.md"


def test_page_is_what_the_declarations_say() -> None:
    assert PAGE.read_text() == render(OURS), "run `make docs`"


def test_every_interface_that_a_program_holds_is_on_it() -> None:
    held = {name for name, member in vars(OS).items() if hasattr(member, "attrname")}
    assert held == {interface.interface_name for interface in OURS}
