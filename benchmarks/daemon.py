"""A daemon of a benchmark's own, in a folder of its own.

Interface:
    daemon          a context; gives the path of the control socket
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def daemon(folder: Path, **environment: str) -> Iterator[Path]:
    """Start a daemon, wait until it accepts syscalls, and stop it at the end."""
    reads, writes = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "llmagentos.kernel.boot", "--state", str(folder),
         "--port", "0", "--notify", str(writes)],
        pass_fds=(writes,),
        env=os.environ | environment,
    )  # fmt: skip
    os.close(writes)
    try:
        with open(reads, "rb", buffering=0) as notified:
            if notified.read(16) != b"ready\n":
                raise SystemExit("the daemon did not start")
        yield folder / "kernel.sock"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)
