"""What the wheel holds: a package that is missing from the list works in a checkout alone."""

from __future__ import annotations

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_every_package_on_disk_is_listed() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        listed = set(tomllib.load(file)["tool"]["setuptools"]["packages"])
    on_disk = {"llmagentos"}
    for room in ("drivers", "kernel", "services", "syscalls"):
        for init in (ROOT / room).rglob("__init__.py"):
            on_disk.add(".".join(("llmagentos", *init.parent.relative_to(ROOT).parts)))
    assert listed == on_disk


def test_every_module_says_its_purpose() -> None:
    for room in ("drivers", "kernel", "services", "syscalls"):
        for module in (ROOT / room).rglob("*.py"):
            assert module.read_text().startswith('"""'), module
