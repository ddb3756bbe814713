"""`/v1/models`: what can be named in a request.

Interface:
    Names           names that a client may give to what runs
    models          the list
    model           one of them
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi.responses import JSONResponse, Response

from ....syscalls.model import ModelInfo
from .caller import Caller
from .refusal import Refusal

#: Whatever the device runs at the time.
DEFAULT = "default"


class Names:
    """What a request's `model` stands for."""

    def __init__(self, aliases: Mapping[str, str]) -> None:
        #: Names that the owner has given, to those that they stand for.
        self.aliases = dict(aliases)

    def resolve(self, name: str) -> str | None:
        """Return the name that the device knows; None for what it runs anyway."""
        name = self.aliases.get(name, name)
        return None if name == DEFAULT else name


async def models(caller: Caller, names: Names) -> Response:
    """Answer with what runs, the chosen one first, and with the names that stand for it."""
    return JSONResponse({"object": "list", "data": await _listed(caller, names)})


async def model(caller: Caller, names: Names, name: str) -> Response:
    """Answer with one. Raises `Refusal`."""
    for one in await _listed(caller, names):
        if one["id"] == name:
            return JSONResponse(one)
    raise Refusal(
        f"there is no model {name[:200]!r}", status=404, param="model", code="model_not_found"
    )


async def _listed(caller: Caller, names: Names) -> list[dict[str, Any]]:
    known = await caller.ls()
    running = [one for one in known if one.state == "ready"]
    if known and known[0].state == "loading":
        running.insert(0, known[0])  # Calls wait for it; until then it goes by its target.
    found: dict[str, dict[str, Any]] = {}
    for one in running:
        found.setdefault(one.name, _entry(one.name, one))
    if running:
        found[DEFAULT] = _entry(DEFAULT, running[0])
        for alias, name in names.aliases.items():
            if name in found:
                found[alias] = {**found[name], "id": alias}
    return list(found.values())


def _entry(name: str, info: ModelInfo) -> dict[str, Any]:
    return {
        "id": name,
        "object": "model",
        "created": 0,
        "owned_by": info.device,
        "root": info.name,
        "max_model_len": info.context,
    }
