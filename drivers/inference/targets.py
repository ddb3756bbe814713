"""From what a person names to an engine that runs it.

Interface:
    Opener          what a kind of target is opened by
    OPENERS         the kinds, by what stands before the colon
    open_engine     raises `InvalidArgument` for a kind that there is not, else as the kind does
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...syscalls.errors import InvalidArgument
from .abandonable import abandonable
from .choice import Choice
from .contract import Engine

if TYPE_CHECKING:
    from .sentences.device import SentenceDevice

#: What the configuration may say of a local device.
SETTINGS = (
    "threads", "tokens", "swap", "pages_per_process", "dtype", "device", "attention",
)  # fmt: skip
EMBEDDED = Path(__file__).parent / "embedded"
#: Given the choice, the part of its target after the colon, and the driver's settings.
Opener = Callable[[Choice, str, Mapping[str, Any]], Awaitable[Engine]]


async def _embedded(choice: Choice, rest: str, settings: Mapping[str, Any]) -> Engine:
    if rest:
        raise InvalidArgument("there is one embedded model: `embedded` has nothing after it")
    return await _causal(choice, str(EMBEDDED), settings)


async def _local(choice: Choice, rest: str, settings: Mapping[str, Any]) -> Engine:
    def find() -> bool:
        from .local import adapter
        from .sentences.layout import holds

        return not adapter.holds(rest) and holds(rest)

    if not await asyncio.to_thread(find):
        return await _causal(choice, rest, settings)

    def load() -> SentenceDevice:
        from .sentences.device import SentenceDevice

        return SentenceDevice.load(choice.target, rest, settings.get("sentence_dtype"))

    device = await abandonable(load)
    device.start()
    return device


async def _causal(choice: Choice, rest: str, settings: Mapping[str, Any]) -> Engine:
    from .local.device import LocalDevice

    wanted = {name: settings[name] for name in SETTINGS if name in settings}
    return await LocalDevice.load(choice.target, rest, **wanted)


async def _openai(choice: Choice, rest: str, settings: Mapping[str, Any]) -> Engine:
    from .openai.device import OpenAIDevice

    device = OpenAIDevice(rest, choice.name, choice.key, settings.get("prices"))
    try:
        await device.check()
    except BaseException:
        await device.close()
        raise
    return device


async def _scripted(choice: Choice, rest: str, settings: Mapping[str, Any]) -> Engine:
    from .scripted import ScriptedDevice

    return ScriptedDevice.read(rest)


OPENERS: Mapping[str, Opener] = {
    "embedded": _embedded,
    "hf": _local,
    "openai": _openai,
    "scripted": _scripted,
}


async def open_engine(
    choice: Choice, settings: Mapping[str, Any], openers: Mapping[str, Opener]
) -> Engine:
    """Open what a choice names."""
    kind, _, rest = choice.target.partition(":")
    opener = openers.get(kind)
    if opener is None or (not rest and kind != "embedded"):
        raise InvalidArgument(
            f"{choice.label!r} is none of embedded, hf:FOLDER-or-ID, openai:URL, scripted:FILE"
        )
    engine = await opener(choice, rest, settings)
    if choice.sentences and "sentences" not in engine.flags:
        await engine.close()
        raise InvalidArgument(f"{choice.label} is no sentence model")
    return engine
