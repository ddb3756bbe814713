"""An agent's own folder, and no way out of it.

Every path is opened step by step from the folder, and no step follows a link: what a path means
cannot change between a check and its use, since there is no check but the opening itself.

Interface:
    read, write, names      files below a folder; raise `Failure`
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

from .contract import Failure

#: Bytes of a file that is read or written.
SIZE = 1024 * 1024
#: Files that are listed, entries that are looked at for them, and folders within each other, each
#: of which is held open meanwhile.
FILES, VISITED, DEPTH = 1000, 10_000, 64
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
_OUTSIDE = "the path lies outside the agent's folder"


def read(home: Path, path: str) -> str | None:
    """Return a file's text; None where there is none."""
    try:
        with _folder_of(home, path, make=False) as (folder, name):
            file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    except FileNotFoundError:
        return None
    try:
        about = os.fstat(file)
        if not stat.S_ISREG(about.st_mode):
            raise Failure("not a text file")
        if about.st_size > SIZE:
            raise Failure(f"the file has more than {SIZE} bytes")
        with open(file, "rb", closefd=False) as opened:
            return opened.read(SIZE + 1).decode()
    except UnicodeDecodeError:
        raise Failure("not a text file") from None
    finally:
        os.close(file)


def write(home: Path, path: str, text: str) -> None:
    """Write a file in place of what stood there, with the folders on its way."""
    data = text.encode(errors="surrogatepass")
    if len(data) > SIZE:
        raise Failure(f"the text has more than {SIZE} bytes")
    with _folder_of(home, path, make=True) as (folder, name):
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_NONBLOCK
        with open(os.open(name, flags, 0o600, dir_fd=folder), "wb") as file:
            file.write(data)


def names(home: Path) -> list[str]:
    """Return the paths of all files, sorted; `…` at the end where there are too many."""
    found: list[str] = []
    folder = os.open(home, _FOLDER)
    try:
        for visited, (path, file) in enumerate(_below(folder, "", DEPTH)):
            if visited == VISITED or len(found) == FILES:
                return [*sorted(found), "…"]
            if file:
                found.append(path)
    finally:
        os.close(folder)
    return sorted(found)


def _below(folder: int, place: str, depth: int) -> Iterator[tuple[str, bool]]:
    """Yield all that lies below an open folder, as a path and whether it is a file."""
    with os.scandir(folder) as entries:
        for entry in entries:
            path = place + entry.name
            yield path, entry.is_file(follow_symlinks=False)
            if depth and entry.is_dir(follow_symlinks=False):
                # One that has become a link meanwhile, or that is closed to us, leads nowhere.
                with suppress(OSError):
                    deeper = os.open(entry.name, _FOLDER, dir_fd=folder)
                    try:
                        yield from _below(deeper, f"{path}/", depth - 1)
                    finally:
                        os.close(deeper)


@contextmanager
def _folder_of(home: Path, path: str, make: bool) -> Iterator[tuple[int, str]]:
    """Open the folder that holds a path's last part."""
    pure = PurePosixPath(path)
    if not path:
        raise Failure("the path is empty")
    if not _sound(path) or pure.is_absolute() or ".." in pure.parts or not pure.name:
        raise Failure(_OUTSIDE)
    folder = os.open(home, _FOLDER)
    try:
        for part in pure.parts[:-1]:
            if make:
                try:
                    os.mkdir(part, 0o700, dir_fd=folder)
                except FileExistsError:
                    pass
            deeper = _step(part, folder, make)
            os.close(folder)
            folder = deeper
        yield folder, pure.name
    except FileNotFoundError:
        raise
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR):
            raise Failure(_OUTSIDE) from None
        raise Failure(str(error.strerror).lower()) from None
    finally:
        os.close(folder)


def _step(part: str, folder: int, make: bool) -> int:
    """Open a folder below another. A file in its place is no way out, just no folder."""
    try:
        return os.open(part, _FOLDER, dir_fd=folder)
    except NotADirectoryError:
        if stat.S_ISLNK(os.stat(part, dir_fd=folder, follow_symlinks=False).st_mode):
            raise
        if make:
            raise Failure(f"{part} is not a folder") from None
        raise FileNotFoundError(part) from None


def _sound(path: str) -> bool:
    try:
        return "\0" not in path and bool(os.fsencode(path))
    except UnicodeEncodeError:
        return False
