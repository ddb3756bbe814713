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
    """One process with the models that the settings name; its loading runs in the given group."""

    def __init__(self, settings: Settings, tasks: asyncio.TaskGroup) -> None:
        self._settings, self._tasks = settings, tasks
        self._one_at_a_time = asyncio.Lock()
        self._process: Process | None = None
        #: Ends in why the models are not there, if they are not.
        self._loading: asyncio.Task[str | None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    async def describe(self, view: dict[str, Any]) -> tuple[str, str | None]:
        """Return what a model says of a view, and what is missing where it cannot."""
        what = "what images show" if view.get("kind") == "image" else "what is said"
        async with self._one_at_a_time:
            text, why = await self._describe(view)
        return text, None if why is None else f"{what}: {why}"

    async def _describe(self, view: dict[str, Any]) -> tuple[str, str | None]:
        if self._timer is not None:
            self._timer.cancel()
        loaded = False
        try:
            async with asyncio.timeout(self._settings.patience):
                if (why := await self._loaded()) is not None:
                    return "", why
                loaded = True
                answer = await self._ask(view)
        except TimeoutError:
            if not loaded:
                return "", "the model is being loaded; try again in a while"
            await self.close()
            return "", f"the model took more than {self._settings.patience:g} s"
        except (OSError, EOFError, LLMAgentOSError) as error:
            await self.close()
            return "", f"the models' process broke down: {error}"
        except asyncio.CancelledError:
            if loaded:  # An answer that nobody waits for would be the next one's.
                await self.close()
            raise
        self._timer = asyncio.get_running_loop().call_later(IDLE, self._kill)
        match answer:
            case {"text": str(text)}:
                return text, None
            case {"error": str(said)}:
                return "", said
        return "", "the model gives no answer that can be read"

    async def close(self) -> None:
        """End the process."""
        if self._timer is not None:
            self._timer.cancel()
        self._kill()
        if self._loading is not None:
            await self._loading
        if self._process is not None:
            await self._process.wait()
        self._process = self._loading = None

    def _kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()

    async def _loaded(self) -> str | None:
        """Wait until the models are there; return why not. Loading goes on for others."""
        ended = self._process is not None and self._process.returncode is not None
        if self._loading is None or (self._loading.done() and (ended or self._loading.result())):
            self._loading = self._tasks.create_task(self._load())
        return await asyncio.shield(self._loading)

    async def _load(self) -> str | None:
        named = {
            "captioner": self._settings.captioner,
            "transcriber": self._settings.transcriber,
        }
        try:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-P", "-m", MODULE, stdin=PIPE, stdout=PIPE, start_new_session=True
            )
            async with asyncio.timeout(LOADING):
                await self._ask({"kind": "models", **named})
        except TimeoutError:
            self._kill()
            return f"the models are not loaded after {LOADING:g} s"
        except (OSError, EOFError, LLMAgentOSError) as error:
            self._kill()
            return f"the models cannot be loaded: {error}"
        return None

    async def _ask(self, message: dict[str, Any]) -> Any:
        process = self._process
        assert process is not None and process.stdin is not None and process.stdout is not None
        body = pack(message)
        process.stdin.write(PREFIX.pack(len(body)) + body)
        await process.stdin.drain()
        (size,) = PREFIX.unpack(await process.stdout.readexactly(PREFIX.size))
        return unpack(await process.stdout.readexactly(size))
