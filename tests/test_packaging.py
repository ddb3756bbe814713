"""What the wheel holds: a package that is missing from the list works in a checkout alone."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

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


@pytest.mark.slow
def test_wheel_holds_all_that_runs_without_the_checkout(tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns(".*", "build", "*.egg-info"))
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", tmp_path,
         source],
        check=True,
    )  # fmt: skip
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    for data in ("drivers/inference/embedded/model.safetensors", "py.typed",
                 "services/learning/embedded/phrases/training.txt"):  # fmt: skip
        assert f"llmagentos/{data}" in names
    for room in ("drivers", "kernel", "services", "syscalls"):
        for module in (ROOT / room).rglob("*.py"):
            assert f"llmagentos/{module.relative_to(ROOT)}" in names
    assert not [name for name in names if name.startswith(("llmagentos/tests", "tests"))]
