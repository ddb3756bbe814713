"""The driver's end of the process in which models look at pixels and listen to samples.

Those come from a worker that has read the source; no file of a stranger's is opened there. So that
process may read the models' files and use more memory than a worker may. It is started when it is
first needed, and ended when it has had nothing to do for a while or takes too long.

Interface:
    Describer       `describe` a view, `close`
"""

from __future__ import annotations

import asyncio
import struct
import sys
from asyncio.subprocess import PIPE, Process
from typing import Any

from ...syscalls.codec import pack, unpack
from ...syscalls.errors import LLMAgentOSError
from .settings import Settings

MODULE = f"{__package__}.models"
#: Seconds without work after which the process is ended, and for loading the models.
IDLE, LOADING = 600.0, 300.0
#: What stands before each message: its length in bytes.
PREFIX = struct.Struct("!I")


class Describer:
    """One process with the models that the settings name."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._one_at_a_time = asyncio.Lock()
        self._process: Process | None = None
        self._timer: asyncio.TimerHandle | None = None

    async def describe(self, view: dict[str, Any]) -> tuple[str, str | None]:
        """Return what a model says of a view, and what is missing where it cannot."""
        what = "what images show" if view.get("kind") == "image" else "what is said"
        async with self._one_at_a_time:
            if self._timer is not None:
                self._timer.cancel()
            try:
                process = await self._started()
                async with asyncio.timeout(self._settings.patience):
                    answer = await _ask(process, view)
            except TimeoutError:
                await self.close()
                return "", f"{what}: the model took more than {self._settings.patience:g} s"
            except (OSError, EOFError, LLMAgentOSError, asyncio.IncompleteReadError) as error:
                await self.close()
                return "", f"{what}: the models' process broke down: {error}"
            except BaseException:
                await self.close()
                raise
            self._timer = asyncio.get_running_loop().call_later(IDLE, self._kill)
        match answer:
            case {"text": str(text)}:
                return text, None
            case {"error": str(why)}:
                return "", f"{what}: {why}"
        return "", f"{what}: the model gives no answer that can be read"

    async def close(self) -> None:
        """End the process."""
        if self._timer is not None:
            self._timer.cancel()
        self._kill()
        process, self._process = self._process, None
        if process is not None:
            await process.wait()

    def _kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()

    async def _started(self) -> Process:
        """Return the process, with its models loaded."""
        if self._process is not None and self._process.returncode is None:
            return self._process
        named = {
            "captioner": self._settings.captioner,
            "transcriber": self._settings.transcriber,
        }
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", MODULE, stdin=PIPE, stdout=PIPE, start_new_session=True
        )
        try:
            async with asyncio.timeout(LOADING):
                await _ask(self._process, {"kind": "models", **named})
        except TimeoutError:
            raise EOFError(f"they are not loaded after {LOADING:g} s") from None
        return self._process


async def _ask(process: Process, message: dict[str, Any]) -> Any:
    assert process.stdin is not None and process.stdout is not None
    body = pack(message)
    process.stdin.write(PREFIX.pack(len(body)) + body)
    await process.stdin.drain()
    (size,) = PREFIX.unpack(await process.stdout.readexactly(PREFIX.size))
    return unpack(await process.stdout.readexactly(size))
