from __future__ import annotations

from pathlib import Path

import pytest

from llmagentos.services.runtime.manifest import Manifest, read
from llmagentos.syscalls.errors import InvalidArgument

CLERK = Path(__file__).parents[3] / "examples/clerk.toml"


def manifest(folder: Path, text: str | bytes) -> Manifest:
    path = folder / "agent.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read(path)


def test_empty_file_declares_an_agent_without_tools(tmp_path: Path) -> None:
    found = manifest(tmp_path, "")
    assert found.instructions and not found.wants("calculator")


def test_shipped_example_is_read_whole() -> None:
    found = read(CLERK)
    assert (found.name, found.limits.steps, found.budget["tokens"]) == ("clerk", 8, 20000)
    assert found.wants("memory_get") and found.wants("clock")
    assert not found.wants("shell") and not found.wants("calculator2")


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("colour = 'red'", "colour"),
        ("goal = 5", "goal"),
        ("tools = 'all'", "tools"),
        ("tools = ['a', 5]", r"tools\.1"),
        ("temperature = -1", "temperature"),
        ("limits = 3", "limits"),
        ("[limits]\nsteps = 0", r"limits\.steps"),
        ("[limits]\nstep = 5", r"limits\.step"),
        ("[limits]\nreply_tokens = 'many'", r"limits\.reply_tokens"),
        ("[budget]\ntokens = 'many'", r"budget\.tokens"),
        ("strategy = 'magic'", "strategy"),
        ("[plan]\ncandidates = 0", r"plan\.candidates"),
        ("[plan]\ntemperature = 0", r"plan\.temperature"),
        ("[plan]\nbeams = 3", r"plan\.beams"),
        ("[knowledge]\ndocuments = 'all'", r"knowledge\.documents"),
    ],
)
def test_wrong_value_is_named_with_its_file_and_key(tmp_path: Path, text: str, key: str) -> None:
    with pytest.raises(InvalidArgument, match=rf"agent\.toml: {key}: "):
        manifest(tmp_path, text)


@pytest.mark.parametrize("text", ["goal =", b"\xff\xfe", "a = 1\na = 2"])
def test_file_that_is_no_toml_is_named(tmp_path: Path, text: str | bytes) -> None:
    with pytest.raises(InvalidArgument, match=r"agent\.toml: "):
        manifest(tmp_path, text)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match=r"nowhere\.toml"):
        read(tmp_path / "nowhere.toml")
