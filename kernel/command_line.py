"""The daemon's own command line; `aos serve` and `aos start` write it.

Interface:
    settings(argv)      what a daemon is started with
    check(argv)         whether one would start so: 0, or 1 after a line that says why not
"""

from __future__ import annotations

import argparse
import os
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ..syscalls.errors import LLMAgentOSError
from ..syscalls.locations import runtime_folder, state_folder
from .boot import Settings
from .config import load, standard_files
from .paths import Paths


def settings(argv: list[str]) -> Settings:
    """Read the command line and the configuration. Raises `InvalidArgument`."""
    parser = argparse.ArgumentParser(prog="llmagentos.kernel.boot", description=__doc__)
    parser.add_argument("--state", type=Path, help="folder of what outlives the daemon")
    parser.add_argument("--runtime", type=Path, help="folder of the control socket")
    parser.add_argument("--config", type=Path, help="one more file of configuration")
    parser.add_argument("--port", type=int, help="port of the HTTP API; 0 for any")
    parser.add_argument("--notify", type=int, help="descriptor that is told `ready`, `ending`")
    parser.add_argument("--listen", type=int, help="descriptor of the control socket")
    options = parser.parse_args(argv)
    state = options.state or state_folder(os.environ)
    runtime = options.runtime or (options.state or runtime_folder(os.environ))
    flags = {} if options.port is None else {"services.gateway.settings.port": options.port}
    files = [*standard_files(), *([options.config] if options.config else [])]
    return Settings(
        paths=Paths(state=state.absolute(), runtime=runtime.absolute()),
        config=load(files, os.environ, flags).config,
        tell=_telling(options.notify),
        listener=None if options.listen is None else socket.socket(fileno=options.listen),
    )


def check(argv: list[str]) -> int:
    """Read what a daemon would read; what is wrong is told on stderr."""
    try:
        settings(argv)
    except LLMAgentOSError as error:
        print(f"aos: {error}", file=sys.stderr)
        return 1
    return 0


def _telling(descriptor: int | None) -> Callable[[str], None]:
    def tell(word: str) -> None:
        if descriptor is not None:
            with suppress(OSError):  # Whoever has asked may have left.
                os.write(descriptor, f"{word}\n".encode())

    return tell


if __name__ == "__main__":
    sys.exit(check(sys.argv[1:]))
