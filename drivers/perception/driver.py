"""The perception driver: finds a source's bytes, has them read, and has models look at them.

This process itself parses nothing of them and loads no library that does.

Interface:
    PerceptionDriver    implements `Perception`
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from pydantic import TypeAdapter, ValidationError

from ...syscalls.errors import DeadlineExceeded, DeviceError
from ...syscalls.host import Host
from ...syscalls.perception import Observation, Perceived, Perception, Sense
from ...syscalls.server import caller
from .describer import Describer
from .pool import Pool
from .senses import CAPTIONS, SPEECH, senses
from .settings import Settings, read
from .sources import fetch, fits, is_url, read_file

#: Seconds for a source where the caller does not say, at most, and kept for the answer's way back.
PATIENCE, LONGEST, MARGIN = 120.0, 600.0, 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a worker has found; it is checked, since a source may have bent whoever read it."""

    media: str
    title: str | None
    observations: list[Observation]
    about: dict[str, Any]
    missing: list[str]
    truncated: bool
    #: Pixels and samples for models, by the number of their observation.
    views: dict[int, dict[str, Any]]


_FOUND = TypeAdapter(Found)


class PerceptionDriver(Perception):
    """Sources to observations."""

    SETTINGS = tuple(Settings.model_fields)

    async def setup(self, host: Host) -> None:
        self._host = host
        self._settings: Settings = read(host.config)
        self._pool = Pool(host.os, host.tasks, self._settings)
        self._describer = Describer(self._settings, host.tasks)

    async def teardown(self) -> None:
        self._pool.close()
        await self._describer.close()

    async def senses(self) -> list[Sense]:
        return senses(self._settings)

    async def perceive(
        self,
        source: str,
        data: bytes | None = None,
        media: str | None = None,
        limit: int = 400_000,
    ) -> Perceived:
        who = caller()
        seconds = min(max((who.deadline or PATIENCE) - MARGIN, 0.5), LONGEST)
        try:
            async with asyncio.timeout(seconds):
                if data is None:
                    data = await self._bytes(source, seconds)
                fits(source, len(data))
                found = await self._find(source, data, media, limit)
        except TimeoutError:
            raise DeadlineExceeded(f"{source}: not read within {seconds:g} s") from None
        return Perceived(
            source=source,
            media=found.media,
            digest=sha256(data).hexdigest(),
            size=len(data),
            title=found.title,
            observations=found.observations,
            about=found.about,
            missing=found.missing,
            truncated=found.truncated,
        )

    async def _bytes(self, source: str, seconds: float) -> bytes:
        who = caller()
        if is_url(source):
            return await fetch(self._host.os.on_behalf(who.call), source, min(seconds, 60.0))
        return await asyncio.to_thread(read_file, await self._host.home(who), source)

    async def _find(self, source: str, data: bytes, media: str | None, limit: int) -> Found:
        who = caller()
        order = {
            "name": source[-300:],
            "data": data,
            "media": media,
            "limit": limit,
            "seconds": self._settings.seconds,
            "caption": self._settings.captioner is not None,
            "transcript": self._settings.transcriber is not None,
        }
        answer = await self._pool.read(who.pid, who.principal, order)
        try:
            found = _FOUND.validate_python(answer)
        except ValidationError:
            raise DeviceError(f"{source}: its reader gives no answer that can be read") from None
        if found.media.startswith("image/") and self._settings.captioner is None:
            found.missing.append(f"what images show: {CAPTIONS}")
        if found.media.startswith("audio/") and self._settings.transcriber is None:
            found.missing.append(f"what is said: {SPEECH}")
        return await self._described(found) if found.views else found

    async def _described(self, found: Found) -> Found:
        """Let models say what images show and what sounds say."""
        observations, missing = list(found.observations), list(found.missing)
        for number, view in found.views.items():
            if not 0 <= number < len(observations):
                continue
            said, lacks = await self._describer.describe(view)
            if lacks is not None:
                if lacks not in missing:
                    missing.append(lacks)
                break
            one = observations[number]
            if said and one.kind == "image":
                text = f"{said}\n{one.data['reads']}" if one.data.get("reads") else said
                observations[number] = replace(one, text=text, data=one.data | {"caption": said})
            elif said:
                observations[number] = replace(one, text=said, data=one.data | {"speech": True})
        return replace(found, observations=observations, missing=missing)
