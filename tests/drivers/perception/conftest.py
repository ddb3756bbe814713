"""What a reader finds in some bytes, as the worker reads them, in this process."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from llmagentos.drivers.perception.worker import work
from llmagentos.syscalls.perception import Observation


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a worker answers."""

    media: str = ""
    title: str | None = None
    observations: list[Observation]
    about: dict[str, Any]
    missing: list[str]
    truncated: bool = False
    views: dict[int, Any]
    #: Code and message.
    error: tuple[str, str] | None = None

    @property
    def texts(self) -> list[str]:
        return [one.text for one in self.observations]

    @property
    def places(self) -> list[str]:
        return [str(one.place) for one in self.observations]


See = Callable[..., Found]


@pytest.fixture
def tesseract() -> None:
    """Skip where the program is not installed; in CI there has to be one."""
    if shutil.which("tesseract") is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("tesseract is not installed")


@pytest.fixture
def see(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> See:
    """Read without looking for text in images, where a test does not ask for that."""
    if "tesseract" not in request.fixturenames:
        monkeypatch.setattr("shutil.which", lambda name: None)

    def run(data: bytes | str, name: str = "it", **order: Any) -> Found:
        data = data.encode() if isinstance(data, str) else data
        whole = {
            "number": 1, "name": name, "data": data, "media": None, "limit": 400_000,
            "seconds": 20.0, "caption": False, "transcript": False,
        }  # fmt: skip
        answer = work(whole | order)
        if "error" in answer:
            return Found(
                observations=[], about={}, missing=[], views={}, error=tuple(answer["error"])
            )
        return Found(**answer["found"])

    return run
