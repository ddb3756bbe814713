from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from llmagentos.syscalls.client import Client
from llmagentos.syscalls.errors import PermissionDenied
from llmagentos.syscalls.fault import told
from llmagentos.syscalls.os import OS

PROGRAM = """
async def main(os):
    try:
        {}["a"]
    except KeyError as error:
        await os.memory.get("a")
"""


def failed(text: str, path: Path) -> str:
    """Run a program whose kernel refuses everything; return what is told of its end."""

    class Refusing(Client):
        async def call(self, *args: Any, **kwargs: Any) -> Any:
            raise PermissionDenied("no capability")

    space: dict[str, Any] = {}
    try:
        exec(compile(text, str(path), "exec"), space)
        asyncio.run(space["main"](OS(Refusing())))
    except Exception as error:
        return told(error)
    raise AssertionError("it did not fail")


def test_error_is_told_by_the_programs_own_lines_and_those_of_what_led_to_it(
    tmp_path: Path,
) -> None:
    path = tmp_path / "agent.py"
    path.write_text(PROGRAM)
    said = failed(PROGRAM, path)
    files = [line.split('"')[1] for line in said.splitlines() if line.startswith("  File")]
    assert set(files) == {str(path), __file__} and files.count(str(path)) == 2
    assert 'await os.memory.get("a")' in said
    assert "KeyError: 'a'" in said and said.endswith("EPERM: no capability\n")


def test_what_is_no_program_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "agent.py"
    path.write_text("def (")
    said = failed("def (", path)
    assert f'File "{path}", line 1' in said and "SyntaxError" in said
