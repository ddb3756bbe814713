"""What a command reads besides the files that it names: its interpreter's own libraries.

An interpreter may live anywhere: in a virtual environment, in somebody's home. Beside its `bin`
lies its `lib`. Only these are given, not the folder that they are in: that may be a home.

Interface:
    libraries       folders and files that a program reads to start
    sources         the folder of a script, whose other files it may load
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

_BESIDE = ("lib", "lib64", "pyvenv.cfg")
#: What a script's name ends in.
_SCRIPTS = frozenset(
    {".py", ".js", ".mjs", ".cjs", ".ts", ".rb", ".pl", ".sh", ".lua", ".php", ".jar"}
)
#: Bytes of a first line that names an interpreter, as many as Linux reads.
_LINE = 256


def libraries(program: Path) -> Iterator[Path]:
    """Yield what lies beside a program, and beside what it is a link to or is interpreted by."""
    for one in dict.fromkeys(_chain(program)):
        folder = one.parent
        if folder.name in ("bin", "Scripts"):
            yield folder
            yield from (path for name in _BESIDE if (path := folder.parent / name).exists())


def sources(files: Iterable[Path]) -> Iterator[Path]:
    """Yield the folder of the first script among some files."""
    for file in files:
        if file.suffix in _SCRIPTS:
            yield file.parent
            return


def _chain(program: Path) -> Iterator[Path]:
    yield program
    yield program.resolve()
    interpreter = _interpreter(program)
    if interpreter is not None:
        yield interpreter
        yield interpreter.resolve()


def _interpreter(program: Path) -> Path | None:
    """Return what the first line of a script names."""
    try:
        with program.open("rb") as file:
            line = file.readline(_LINE)
    except OSError:
        return None
    words = line.removeprefix(b"#!").split() if line.startswith(b"#!") else []
    path = Path(words[0].decode(errors="surrogateescape")) if words else None
    return path if path is not None and path.is_absolute() else None
