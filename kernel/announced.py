"""What plugins answered when they were last up, so that a call that comes before them waits.

A new kernel knows its own drivers' interfaces, and a plugin's only once that has come up. Whoever
calls it sooner, such as a durable process that goes on, would hear that there is no such syscall;
and an agent that is started sooner would not be granted what the plugin answers. The daemon waits
for those of which nothing is known: they start for the first time.

Interface:
    Announced       `recall` at boot, `note` what is provided, `unknown`; owns a file
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from ..syscalls.table import Description
from .paths import rewrite
from .process import ControlBlock
from .registry import Registry

_FILE = TypeAdapter(dict[str, list[Description]])


class Announced:
    """Descriptions by the driver or service that provides them."""

    def __init__(self, path: Path, registry: Registry, plugins: Collection[str]) -> None:
        """`plugins`: the strangers' drivers and services that will come up, as `driver/name`."""
        self._path = path
        self._registry = registry
        self._plugins = plugins
        self._known: dict[str, list[Description]] = {}

    def recall(self) -> None:
        """Announce what is known of the plugins; a file that cannot be read says nothing."""
        with suppress(OSError, ValidationError):
            self._known = _FILE.validate_json(self._path.read_bytes())
        for plugin in self._plugins:
            self._registry.announce(self._known.get(plugin, ()))

    @property
    def unknown(self) -> set[str]:
        """Return the plugins that have never been up."""
        return set(self._plugins) - self._known.keys()

    def note(self, process: ControlBlock, described: Iterable[Description]) -> None:
        """A plugin provides this, and nothing else that it did before."""
        plugin = f"{process.kind.value}/{process.name}"
        if plugin not in self._plugins:
            return
        described = list(described)
        names = {one.name for one in described}
        before = self._known.get(plugin, [])
        self._registry.forget(one.name for one in before if one.name not in names)
        if described == before:
            return
        self._known[plugin] = described
        # It is a convenience: without it the next start waits for the plugin again.
        with suppress(OSError):
            plain = {name: list(map(asdict, one)) for name, one in self._known.items()}
            rewrite(self._path, json.dumps(plain))
