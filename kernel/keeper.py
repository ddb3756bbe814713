"""The keeper: a small process that outlives the kernel and starts it again when it dies.

It holds the sockets that others connect to, so that whoever calls while there is no kernel waits
in their queues. It knows nothing of the house: a kernel that was asked to end, or that refuses its
first start, is not started again, and one that dies too often in too short a time is given up.

Interface:
    python -m llmagentos.kernel.keeper      with the command line of `kernel.boot`
    Keeper                                  `run`, until the kernel has ended for good
"""

from __future__ import annotations

import argparse
import fcntl
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from .restarts import INTENSITY, Restarts

#: Set for the kernel, and so for its services: where they ask for a socket that outlives them.
SOCKET = "LLMAGENTOS_KEEPER"
#: Seconds for which a keeper that is about to end may still hold its lock.
PATIENCE = 5.0
#: The exit code of a kernel that refuses to start.
REFUSED = 125
#: What says that the kernel is to end; that of a closed terminal besides, where there is one.
ENDS = (signal.SIGTERM, signal.SIGINT)
#: What a kernel listens to.
HEEDED = (*ENDS, signal.SIGHUP)
#: Connections that may wait while there is no kernel.
QUEUE = 1024


class Keeper:
    """Keeps one kernel."""

    def __init__(self, runtime: Path, command: list[str], on_ready: Callable[[], None]) -> None:
        """`command`: what starts a kernel; `on_ready` is called once it takes calls."""
        self._runtime = runtime
        self._command = command
        self._on_ready = on_ready
        self._kernel: subprocess.Popen[bytes] | None = None
        self._ready = False
        self._stopping = False
        self._ends = (*ENDS, signal.SIGHUP) if os.isatty(0) else ENDS
        self._restarts = Restarts()
        #: Bound for services, by address and port as they were asked for.
        self._bound: dict[tuple[str, int], socket.socket] = {}
        self._control = _bind(runtime / "kernel.sock")
        self._door = _bind(runtime / "keeper.sock")
        self._wakes, wake = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        for number in (*HEEDED, signal.SIGCHLD):
            signal.signal(number, lambda *_: None)

    def run(self) -> int:
        """Keep a kernel running; return its exit code once it has ended for good."""
        while True:
            code = self._live()
            how = f"with code {code}" if code >= 0 else f"by {signal.Signals(-code).name}"
            if not self._ready and (self._stopping or code < 0):
                why = "was asked to end" if self._stopping else f"ended {how}"
                print(f"aos: the kernel {why} before it was up", file=sys.stderr)
            if code == 0 or self._stopping or not self._ready:
                return code
            if (delay := self._restarts.died(time.monotonic())) is None:
                print(f"aos: the kernel died {INTENSITY} times and is given up", file=sys.stderr)
                return code
            print(
                f"aos: the kernel ended {how} and starts again in {delay:g} s",
                file=sys.stderr,
                flush=True,
            )
            if not self._pause(delay):
                return 0

    def close(self) -> None:
        """Let go of the sockets: whoever waits is told that nobody answers."""
        for name in ("kernel.sock", "keeper.sock"):
            (self._runtime / name).unlink(missing_ok=True)
        for sock in (self._control, self._door, *self._bound.values()):
            sock.close()

    def _live(self) -> int:
        """Start a kernel and serve it until it has ended; return its exit code."""
        reads, writes = os.pipe()
        os.set_blocking(reads, False)
        listener = self._control.fileno()
        # What it is sent waits until it listens, and ends it in good order then.
        signal.pthread_sigmask(signal.SIG_BLOCK, HEEDED)
        self._kernel = subprocess.Popen(
            [*self._command, "--listen", str(listener), "--notify", str(writes)],
            pass_fds=(listener, writes),
            env=os.environ | {SOCKET: str(self._runtime / "keeper.sock")},
        )
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HEEDED)
        os.close(writes)
        watched = [self._door.fileno(), self._wakes, reads]
        try:
            while self._kernel.poll() is None:
                for ready in select.select(watched, [], [])[0]:
                    if ready == reads:
                        if not self._hear(os.read(reads, 64)):
                            watched.remove(reads)
                    elif ready == self._wakes:
                        self._pass_on()
                    else:
                        self._serve()
            with suppress(BlockingIOError):  # Its last words may still lie there.
                self._hear(os.read(reads, 64))
        finally:
            os.close(reads)
        return self._kernel.returncode

    def _hear(self, said: bytes) -> bool:
        """Take what the kernel says of itself; returns False where it says no more."""
        words = said.split()
        if b"ready" in words and not self._ready:
            self._ready = True
            self._on_ready()
        # However it ends now, it was asked to.
        self._stopping |= b"ending" in words
        return bool(said)

    def _pass_on(self) -> None:
        """Send the kernel what this process was sent."""
        for number in os.read(self._wakes, 64):
            self._stopping |= number in self._ends
            if number != signal.SIGCHLD and self._kernel is not None:
                self._kernel.send_signal(number)

    def _pause(self, seconds: float) -> bool:
        """Wait before a restart; returns False where the keeper is to end instead."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and not self._stopping:
            if select.select([self._wakes], [], [], left)[0]:
                self._stopping |= any(one in self._ends for one in os.read(self._wakes, 64))
        return not self._stopping

    def _serve(self) -> None:
        """Give a service the socket that it asks for: `ADDRESS PORT`, and it comes beside `ok`."""
        with suppress(OSError, ValueError):
            asked, _ = self._door.accept()
            with asked:
                asked.settimeout(1.0)
                address, port = asked.recv(256).decode().split()
                try:
                    sock = self._listener(address, int(port))
                except OSError as error:
                    asked.send(f"{error.strerror}".encode())
                else:
                    socket.send_fds(asked, [b"ok"], [sock.fileno()])

    def _listener(self, address: str, port: int) -> socket.socket:
        """Return a socket on a port, bound now or before. Raises OSError."""
        known = self._bound.get((address, port))
        if known is None:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            known = socket.socket(family, socket.SOCK_STREAM)
            try:
                known.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                known.bind((address, port))
                known.listen(QUEUE)
            except OSError:
                known.close()
                raise
            self._bound[address, port] = known
        return known


def _bind(path: Path) -> socket.socket:
    """Return a listening Unix socket that the owner alone may open."""
    path.unlink(missing_ok=True)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o177)
    try:
        sock.bind(str(path))
    finally:
        os.umask(mask)
    sock.listen(QUEUE)
    return sock


def _alone(runtime: Path) -> int | None:
    """Return the keeper's lock, None while another keeper or a kernel has this runtime folder."""
    until = time.monotonic() + PATIENCE
    while True:
        lock = os.open(runtime / "keeper.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with (runtime / "kernel.lock").open("a") as kernel:
                fcntl.flock(kernel, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return lock
        except BlockingIOError:
            os.close(lock)
            if time.monotonic() > until:
                return None
            time.sleep(0.05)


def _tell(descriptor: int | None) -> Callable[[], None]:
    """Return what tells whoever started this that calls are taken, systemd included."""

    def ready() -> None:
        if descriptor is not None:
            with suppress(OSError):  # Whoever has asked may have left.
                os.write(descriptor, b"ready\n")
            os.close(descriptor)
        if (named := os.environ.get("NOTIFY_SOCKET")) is not None:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock, suppress(OSError):
                sock.sendto(b"READY=1", named.replace("@", "\0", 1))

    return ready


def main() -> int:
    """Keep a kernel as the command line says."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--runtime", type=Path, required=True)
    parser.add_argument("--notify", type=int)
    options, rest = parser.parse_known_args()
    runtime: Path = options.runtime
    try:
        runtime.mkdir(parents=True, exist_ok=True, mode=0o700)
        if _alone(runtime) is None:
            owner = (runtime / "kernel.lock").read_text() or "unknown"
            print(f"aos: a daemon runs already, as process {owner}", file=sys.stderr)
            return REFUSED
        if options.notify is not None:
            os.set_inheritable(options.notify, False)
        module = f"{__package__}.boot"
        command = [sys.executable, "-P", "-m", module, "--runtime", str(runtime), *rest]
        keeper = Keeper(runtime, command, _tell(options.notify))
    except OSError as error:
        where = error.filename or runtime
        print(f"aos: {where}: {error.strerror or error}", file=sys.stderr)
        return REFUSED
    try:
        code = keeper.run()
    finally:
        keeper.close()
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main())
