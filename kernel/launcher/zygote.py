"""The default launcher: one zygote for each choice of what its children must not have.

Drivers and services come from one that has the daemon's own environment and rights. Agents come
from one that was started with neither secrets in its memory nor a network: what is left in a
fork's memory is its parent's.

Interface:
    ZygoteLauncher  starts processes by forking them
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections import defaultdict
from collections.abc import Mapping, Sequence

from ...syscalls.errors import DeviceError, SandboxError
from ..sandbox.layers import advice
from .contract import Launch, Launched, OnExit, Sandbox
from .group import signal_group
from .line import Line

#: What an agent sees of the daemon's environment: where programs are and how people write.
_KEPT = ("PATH", "LANG", "LANGUAGE", "TZ", "USER", "LOGNAME", "LD_LIBRARY_PATH", "VIRTUAL_ENV")
_KEPT_PREFIXES = ("LC_", "PYTHON")
#: What `netns` and `seccomp` are wanted as, whether the daemon's environment is inherited, and
#: whether all folders may be written.
_Choice = tuple[str, str, bool, bool]
#: Where control groups are made.
_GROUPS = "/sys/fs/cgroup"


class ZygoteLauncher:
    """Starts processes by forking them from one that has loaded everything."""

    def __init__(
        self,
        *expected: Sandbox,
        lifeline: int | None = None,
        dice: str | None = None,
        writable: Sequence[str] | None = None,
        entries: Sequence[str] = (),
    ) -> None:
        """`expected`: agents' sandboxes whose zygotes are started at once, not at first use.

        `lifeline`: a descriptor that stays open until all that was started has ended. `dice`: what
        agents' sets are ordered by, the same again for one that runs again. `writable`: the folders
        in which agents' own ones and their logs are, None for whatever there is. `entries`: of the
        drivers and services that will be started, which share what is loaded once.
        """
        self.on_exit: OnExit = lambda pid, code, number: None
        self._expected = expected
        self._lifeline = lifeline
        self._entries = tuple(entries)
        self._writable = None if writable is None else (*writable, _GROUPS)
        self._order = {} if dice is None else {"PYTHONHASHSEED": dice}
        self._lines: dict[_Choice, Line] = {}
        self._starting: defaultdict[_Choice, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def start(self) -> None:
        """Start the zygotes and wait until they take orders."""
        choices = [_choice(Sandbox.none(), True), *(_choice(one, False) for one in self._expected)]
        await asyncio.gather(*map(self._line, dict.fromkeys(choices)))

    async def launch(self, launch: Launch, sock: socket.socket) -> Launched:
        # A network of its own is made by each process for itself.
        free = launch.endpoint is not None
        line = await self._line(
            _choice(Sandbox.none() if free else launch.sandbox, launch.inherits)
        )
        order = [
            launch.pid,
            f"aos-{launch.pid}",
            launch.entry,
            None if launch.argv is None else list(launch.argv),
            dict(launch.arguments),
            str(launch.home),
            str(launch.log),
            [str(one) for one in launch.readable],
            dict(launch.environment),
            launch.sandbox.wire(),
            None if launch.endpoint is None else str(launch.endpoint),
        ]
        message = await line.order(order, sock.fileno())
        if message.get("missing"):
            lacking = ", ".join(message["missing"])
            what = f"not enforced here, but required: {lacking}; {advice(message['missing'])}"
            raise SandboxError(what, **message["report"])
        if message["kind"] != "report":
            raise DeviceError("the process ended before it began; its log says why")
        return Launched(os_pid=message["os_pid"], report=message["report"])

    def signal(self, os_pid: int, number: signal.Signals) -> None:
        signal_group(os_pid, number)

    async def close(self) -> None:
        await asyncio.gather(*(line.close() for line in self._lines.values()))

    async def _line(self, choice: _Choice) -> Line:
        """Return the line to a zygote; where it has died, or there was none, to a new one."""
        async with self._starting[choice]:
            line = self._lines.get(choice)
            if line is None or not line.alive:
                line = Line(lambda pid, code, number: self.on_exit(pid, code, number))
                netns, seccomp, inherits, free = choice
                environment = os.environ if inherits else {**self._order, **_clean(os.environ)}
                entries = self._entries if inherits else ()
                writable = None if free else self._writable
                await line.start(
                    netns, seccomp, environment, writable, self._lifeline, entries, not inherits
                )
                self._lines[choice] = line
            return line


def _choice(sandbox: Sandbox, inherits: bool) -> _Choice:
    return (sandbox.netns, sandbox.seccomp, inherits, sandbox.landlock == "off")


def _clean(environment: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value
        for name, value in environment.items()
        if name in _KEPT or name.startswith(_KEPT_PREFIXES)
    }
