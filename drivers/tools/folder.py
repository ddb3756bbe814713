"""An agent's own folder, and no way out of it.

Every path is opened step by step from the folder, and no step follows a link: what a path means
cannot change between a check and its use, since there is no check but the opening itself.

Interface:
    read, write, names      files below a folder; raise `Failure`
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from .contract import Failure

#: Bytes of a file that is read or written, and files that are listed.
SIZE, FILES = 1024 * 1024, 1000
_OUTSIDE = "the path lies outside the agent's folder"


def read(home: Path, path: str) -> str | None:
    """Return a file's text; None where there is none."""
    try:
        with _folder_of(home, path, make=False) as (folder, name):
            file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    except FileNotFoundError:
        return None
    with open(file, "rb") as opened:
        if os.fstat(file).st_size > SIZE:
            raise Failure(f"the file has more than {SIZE} bytes")
        try:
            return opened.read(SIZE + 1).decode()
        except UnicodeDecodeError:
            raise Failure("not a text file") from None


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
    """Return the paths of all files, sorted."""
    found = []
    for root, folders, files in os.walk(home):
        folders[:] = [one for one in folders if not one.startswith(".")]
        found += [os.path.relpath(os.path.join(root, one), home) for one in files]
        if len(found) > FILES:
            break
    return sorted(found)[:FILES]


@contextmanager
def _folder_of(home: Path, path: str, make: bool) -> Iterator[tuple[int, str]]:
    """Open the folder that holds a path's last part."""
    pure = PurePosixPath(path)
    if not path or "\0" in path or pure.is_absolute() or ".." in pure.parts or not pure.name:
        raise Failure(_OUTSIDE if path else "the path is empty")
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
    folder = os.open(home, flags)
    try:
        for part in pure.parts[:-1]:
            if make:
                try:
                    os.mkdir(part, 0o700, dir_fd=folder)
                except FileExistsError:
                    pass
            deeper = os.open(part, flags, dir_fd=folder)
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
