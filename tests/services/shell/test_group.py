"""What `--help` says of commands in groups."""

from __future__ import annotations

import click
import pytest

from llmagentos.services.shell.main import COMMANDS, SECTIONS
from llmagentos.services.shell.main import aos as group

from .conftest import Aos

GROUPS = [
    name
    for name in COMMANDS
    if isinstance(group.get_command(click.Context(group), name), click.Group)
]


@pytest.mark.parametrize("name", GROUPS)
def test_group_says_of_each_command_what_it_does_in_full(aos: Aos, name: str) -> None:
    _, _, commands = aos(name, "--help").out.partition("Commands:\n")
    assert commands and "..." not in commands


def test_every_command_stands_under_one_heading(aos: Aos) -> None:
    lines = aos("--help").out.splitlines()
    for heading, section in SECTIONS.items():
        assert f"{heading}:" in lines and len(section) < 20
    named = [line.split()[0] for line in lines if line.startswith("  ") and line.split()]
    assert all(named.count(name) == 1 for name in COMMANDS)
