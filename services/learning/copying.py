"""Model folders, copied between a caller's home and the store.

A home belongs to an agent, which may change it meanwhile: every step is opened from the folder that
holds it and follows no link, so that there is no check but the opening itself.

Interface:
    below           opens a folder below another one
    Copying         one copy: `folder`; then its `size` and the `digest` of its weights
"""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path, PurePosixPath

from ...syscalls.errors import Cancelled, InvalidArgument, NotFound, PermissionDenied, TooBig

#: What a model is read from. Optimisers' states and pickles, which may run code, stay behind.
KEPT = frozenset({".json", ".safetensors", ".txt", ".model", ".jinja", ".md"})
#: Bytes of all files and of one that is no weights, their number, and folders within each other.
LARGEST, SETTINGS, FILES, DEPTH = 256 * 2**30, 256 * 2**20, 2000, 4
_CHUNK = 2**20
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
_FRESH = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


@contextmanager
def below(home: Path, path: str, make: bool = False) -> Iterator[tuple[int, str]]:
    """Open the folder that holds `path`, below a home, and give it with the path's last name.

    `make` makes the folders on the way. Raises `NotFound`, `InvalidArgument` for a path that names
    nothing below it, and `PermissionDenied` for one that leads out of it, also by a link.
    """
    said = PurePosixPath(path)
    if said.is_absolute() and said.is_relative_to(home):
        said = said.relative_to(home)
    if said.is_absolute() or ".." in said.parts:
        raise PermissionDenied(f"{path} lies outside the caller's own folder")
    if not said.name or "\0" in path:
        raise InvalidArgument(f"{path!r} is no folder below the caller's own")
    folder = os.open(home, _FOLDER)
    try:
        for part in said.parts[:-1]:
            if make and not _there(part, folder):
                os.mkdir(part, 0o700, dir_fd=folder)
            deeper = opened(part, folder, path)
            os.close(folder)
            folder = deeper
        yield folder, said.name
    finally:
        os.close(folder)


def opened(name: str, folder: int, shown: str) -> int:
    """Open a folder in an open one. Raises as `below` does; `shown` is its name for people."""
    try:
        return os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=folder)
    except FileNotFoundError:
        raise NotFound(f"there is no folder {shown} in the caller's own folder") from None
    except (NotADirectoryError, OSError) as error:
        if _there(name, folder) and stat.S_ISLNK(_about(name, folder).st_mode):
            raise PermissionDenied(f"{shown}: a link may lead out of the folder") from None
        raise InvalidArgument(f"{shown} is no folder: {os.strerror(error.errno or 0)}") from None


class Copying:
    """Copies what a model is read from. Blocking; `stop` ends it with `Cancelled`."""

    def __init__(self, stop: threading.Event | None = None, *, links: bool = False) -> None:
        """`links` are followed where a person names a folder of the machine: caches are full of
        them."""
        self.size = self.files = 0
        self._digest = blake2b(digest_size=16)
        self._stop = stop or threading.Event()
        self._links = links
        self._flags = 0 if links else os.O_NOFOLLOW

    @property
    def digest(self) -> str:
        """BLAKE2b of the weights, file by file in the order of their names, in hex."""
        return self._digest.hexdigest()

    def folder(self, source: int, target: int, place: str = "") -> None:
        """Copy an open folder into another one.

        Raises `PermissionDenied` for a link, `InvalidArgument` for what is neither file nor folder,
        `TooBig`, and `OSError` where the disk fails.
        """
        with os.scandir(source) as found:
            entries = sorted(found, key=lambda entry: entry.name)
        for entry in entries:
            shown = place + entry.name
            if entry.is_symlink() and not self._links:
                raise PermissionDenied(f"{shown}: a link may lead out of the folder")
            if entry.name.startswith("."):
                continue
            if entry.is_dir():
                if place.count("/") < DEPTH:
                    self._deeper(entry.name, source, target, f"{shown}/")
            elif not entry.is_file():
                raise InvalidArgument(f"{shown} is neither a file nor a folder")
            elif Path(entry.name).suffix in KEPT:
                self._file(entry.name, source, target, shown)

    def _deeper(self, name: str, source: int, target: int, place: str) -> None:
        inner = os.open(name, _FOLDER | self._flags, dir_fd=source)
        try:
            os.mkdir(name, 0o700, dir_fd=target)
            into = os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=target)
            try:
                self.folder(inner, into, place)
            finally:
                os.close(into)
        finally:
            os.close(inner)

    def _file(self, name: str, source: int, target: int, shown: str) -> None:
        weights = name.endswith(".safetensors")
        self.files += 1
        if self.files > FILES:
            raise TooBig(f"a model has at most {FILES} files")
        file = os.open(name, _FILE | self._flags, dir_fd=source)
        with open(file, "rb", buffering=0) as reads:
            if not stat.S_ISREG(os.fstat(file).st_mode):
                raise InvalidArgument(f"{shown} is no file")
            size = 0
            with open(os.open(name, _FRESH, 0o600, dir_fd=target), "wb", buffering=0) as writes:
                while chunk := reads.read(_CHUNK):
                    if self._stop.is_set():
                        raise Cancelled
                    size += len(chunk)
                    self.size += len(chunk)
                    if self.size > LARGEST or (size > SETTINGS and not weights):
                        raise TooBig(f"{shown} is larger than a model's file may be")
                    if weights:
                        self._digest.update(chunk)
                    _write(writes.fileno(), chunk)
                os.fsync(writes.fileno())


def _write(file: int, chunk: bytes) -> None:
    left = memoryview(chunk)
    while left:
        left = left[os.write(file, left) :]


def _there(name: str, folder: int) -> bool:
    try:
        _about(name, folder)
    except FileNotFoundError:
        return False
    return True


def _about(name: str, folder: int) -> os.stat_result:
    return os.stat(name, dir_fd=folder, follow_symlinks=False)
