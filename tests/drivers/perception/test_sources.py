"""Where bytes come from: the caller's own folder, or a URL that it may fetch."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from llmagentos.drivers.perception import sources
from llmagentos.drivers.perception.sources import fetch, is_url, read_file
from llmagentos.syscalls.errors import (
    InputOutputError,
    InvalidArgument,
    LLMAgentOSError,
    NotFound,
    PermissionDenied,
    TooBig,
)
from llmagentos.syscalls.os import OS
from llmagentos.syscalls.tool import ToolResult


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    (home / "in").mkdir(parents=True)
    (home / "in" / "a.txt").write_text("inside")
    (tmp_path / "outside.txt").write_text("outside")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a.txt").write_text("outside")
    (home / "link.txt").symlink_to(tmp_path / "outside.txt")
    (home / "folder").symlink_to(tmp_path / "elsewhere")
    os.mkfifo(home / "pipe")
    return home


def test_file_of_the_own_folder_is_read(home: Path) -> None:
    assert read_file(home, "in/a.txt") == b"inside"
    assert read_file(home, "./in//a.txt") == b"inside"
    assert read_file(home, str(home / "in" / "a.txt")) == b"inside"


@pytest.mark.parametrize(
    "path", ["../outside.txt", "/etc/passwd", "link.txt", "folder/a.txt", "in/../../outside.txt"]
)
def test_no_way_leads_out_of_the_folder(home: Path, path: str) -> None:
    with pytest.raises(PermissionDenied):
        read_file(home, path)


@pytest.mark.parametrize("path", ["none.txt", "in/none", "in/a.txt/b", "none/a.txt"])
def test_missing_file_is_not_found(home: Path, path: str) -> None:
    with pytest.raises(NotFound):
        read_file(home, path)


@pytest.mark.parametrize("path", ["", ".", "in", "pipe", "a\0b", "x" * 5000, "\ud800"])
def test_what_is_no_file_is_refused(home: Path, path: str) -> None:
    with pytest.raises((InvalidArgument, NotFound)):
        read_file(home, path)


def test_file_past_the_bounds_is_refused(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "SOURCE", 5)
    with pytest.raises(TooBig):
        read_file(home, "in/a.txt")


class Web:
    """The tools as one caller may use them."""

    def __init__(self, *answers: ToolResult | LLMAgentOSError) -> None:
        self.answers = list(answers)
        self.asked: list[dict[str, Any]] = []
        self.tool = SimpleNamespace(call=self._call)

    async def _call(self, name: str, arguments: dict[str, Any], **bounds: float) -> ToolResult:
        assert name == "http_fetch" and bounds == {"timeout": 10.0}
        self.asked.append(arguments)
        answer = self.answers.pop(0)
        if isinstance(answer, LLMAgentOSError):
            raise answer
        return answer

    def get(self, url: str) -> bytes:
        return asyncio.run(fetch(cast(OS, self), url, 10.0))


def test_only_addresses_of_the_web_are_fetched() -> None:
    assert is_url("https://example.org/a.pdf") and is_url("HTTP://example.org")
    assert not any(map(is_url, ("file:///etc/passwd", "a.txt", "ftp://x", "http.txt")))


def test_bytes_behind_a_url_come_as_they_are() -> None:
    web = Web(ToolResult(text="", data={"bytes": b"%PDF-1.4"}))
    assert web.get("http://example.org/a") == b"%PDF-1.4"
    assert web.asked == [{"url": "http://example.org/a", "raw": True}]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (PermissionDenied("no"), PermissionDenied),
        (ToolResult(text="error: 404 Not Found", failed=True), NotFound),
        (ToolResult(text="error: its address is private", failed=True), InputOutputError),
        (ToolResult(text="hello"), InputOutputError),
        (ToolResult(text="", data={"bytes": bytes(16 * 2**20)}), TooBig),
    ],
)
def test_what_cannot_be_fetched_is_an_error(
    answer: ToolResult | LLMAgentOSError, error: type[LLMAgentOSError]
) -> None:
    with pytest.raises(error):
        Web(answer).get("http://example.org/a")
