"""A public server of tools that is written in another language, from npm."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from llmagentos.drivers.tools.mcp import peer

PACKAGE = "@modelcontextprotocol/server-everything@2026.8.31"


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for a server that comes up as long as it takes: a machine may be busy."""
    monkeypatch.setattr(peer, "LOOK", 55.0)


@pytest.fixture(scope="session")
def everything() -> list[str]:
    """The command of the reference server; without a registry skipped here, and failed in CI."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "llmagentos-tests/server-everything-2026.8.31"
    program = folder / "node_modules/.bin/mcp-server-everything"
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and not program.exists():
        folder.mkdir(parents=True, exist_ok=True)
        command = [npm, "install", "--silent", "--prefix", str(folder), PACKAGE]
        subprocess.run(command, capture_output=True, timeout=300)
    if node is None or not program.exists():
        unreachable = "the server cannot be installed from npm"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(unreachable)
    return [node, str(program.resolve())]
