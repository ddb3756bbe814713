"""Where a source's bytes come from: a file of the caller's own, or a URL that it may fetch.

A path is opened step by step from the folder, and no step follows a link. A URL is fetched by the
tool `http_fetch` on the caller's behalf: who may not call it for that URL perceives nothing there,
and its rules about hosts hold here as well.

Interface:
    is_url          whether a source is fetched
    read_file       the bytes of a file below a folder
    fetch           the bytes behind a URL
    fits            raises `TooBig` for more bytes than a source may have
"""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path, PurePosixPath

from ...syscalls.errors import InputOutputError, InvalidArgument, NotFound, PermissionDenied, TooBig
from ...syscalls.os import OS
from .bounds import SOURCE

_URL = re.compile(r"https?://", re.I)
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_GONE = ("error: 404", "error: 410")


def is_url(source: str) -> bool:
    """Whether a source is the address of something on the web."""
    return _URL.match(source) is not None


def read_file(home: Path, source: str) -> bytes:
    """Return the bytes of a file below a folder.

    Raises `NotFound`, `PermissionDenied` for a path that leads out of it, also by a link,
    `InvalidArgument` for what is no file, and `TooBig`.
    """
    path = PurePosixPath(source)
    if path.is_absolute() and path.is_relative_to(home):
        path = path.relative_to(home)
    outside = PermissionDenied(f"{source} lies outside the caller's own folder")
    if path.is_absolute() or ".." in path.parts:
        raise outside
    if not path.name or "\0" in source:
        raise InvalidArgument(f"{source!r} is no file's path")
    try:
        file = _opened(home, path)
    except (OSError, UnicodeEncodeError) as error:
        # A link is no folder, or a loop, to whoever follows none.
        if any(os.path.islink(home / one) for one in (path, *path.parents)):
            raise outside from None
        if isinstance(error, (FileNotFoundError, NotADirectoryError)):
            raise NotFound(f"there is no file {source} in the caller's own folder") from None
        raise InvalidArgument(f"{source[:200]!r} cannot be opened") from None
    try:
        about = os.fstat(file)
        if not stat.S_ISREG(about.st_mode):
            raise InvalidArgument(f"{source} is no file")
        fits(source, about.st_size)
        with open(file, "rb", closefd=False) as opened:
            data = opened.read(SOURCE + 1)
    finally:
        os.close(file)
    fits(source, len(data))
    return data


def _opened(home: Path, path: PurePosixPath) -> int:
    folder = os.open(home, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in path.parts[:-1]:
            deeper = os.open(part, _FOLDER, dir_fd=folder)
            os.close(folder)
            folder = deeper
        return os.open(path.name, _FILE, dir_fd=folder)
    finally:
        os.close(folder)


async def fetch(system: OS, url: str, seconds: float) -> bytes:
    """Return the bytes behind a URL.

    `system` has the caller's rights. Raises `PermissionDenied` where they do not cover the fetch,
    `NotFound`, `InputOutputError` and `TooBig`.
    """
    result = await system.tool.call("http_fetch", {"url": url, "raw": True}, timeout=seconds)
    if result.failed:
        why = result.text.removeprefix("error: ")
        if result.text.startswith(_GONE):
            raise NotFound(f"{url}: {why}")
        raise InputOutputError(f"{url}: {why}")
    match result.data:
        case {"bytes": bytes(data)}:
            fits(url, len(data))
            return data
    raise InputOutputError(f"{url}: the tool http_fetch gives no bytes")


def fits(source: str, size: int) -> None:
    """Raise `TooBig` for more bytes than a source may have."""
    if size > SOURCE:
        raise TooBig(f"{source} has {size} bytes; a source has at most {SOURCE}")
