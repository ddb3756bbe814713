"""What tests of several rooms need of the machine."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest
from hypothesis import settings

# How long an example takes is for benchmarks to say.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def bubblewrap() -> None:
    """Skip where there is no bubblewrap that works; in CI there has to be one."""
    works = (
        shutil.which("bwrap") is not None
        and not subprocess.run(
            ["bwrap", "--unshare-all", "--ro-bind", "/", "/", "true"], capture_output=True
        ).returncode
    )
    if not works:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("bubblewrap does not work")
