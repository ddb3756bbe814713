"""The page about all syscalls, in a real browser."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from .conftest import House

#: Everything but this machine is out of the browser's reach: the page needs nothing else.
ALONE = "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"


@pytest.fixture
def chromium() -> str:
    """Skip where there is no browser; in CI there has to be one."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("Chromium is not installed")
    assert found is not None
    return found


def test_page_shows_every_syscall(house: House, chromium: str, tmp_path: Path) -> None:
    url = house.when_ready()["url"]
    shown = subprocess.run(
        [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
         "--disable-background-networking", f"--user-data-dir={tmp_path}",
         f"--host-resolver-rules={ALONE}", "--dump-dom", f"{url}/docs"],
        capture_output=True, text=True, timeout=120, check=True,
    ).stdout  # fmt: skip
    known = {one["name"] for one in house.aos("syscalls", "--json").json()}
    assert {name for name in known if f'id="{name}"' in shown} == known
    assert "EDQUOT" in shown
