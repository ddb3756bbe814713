"""Secrets: what drivers are told by name in their settings, and nobody ever sees again.

They stand in a file of the owner's alone (mode 0600), as they are. To encrypt them would take a key
that the daemon can read unattended, which would lie beside them; no agent can read the folder, and
a disk that may be stolen is encrypted as a whole.

Interface:
    Secrets         `set`, `ls`, `rm`; `resolve` in settings, `used` by them
    Redaction       `text`, `value`, `body`: with `***` in place of every secret
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ...syscalls.codec import pack, unpack
from ...syscalls.errors import (
    InputOutputError,
    InvalidArgument,
    LLMAgentOSError,
    NotFound,
)
from ...syscalls.rights import SecretInfo
from ..paths import rewrite

#: What stands for a secret in settings, before its name.
PREFIX = "secret:"
HIDDEN = "***"
#: Characters of a secret, at least: a shorter one could not be told from other words.
SHORTEST = 8
#: A secret within a longer text, such as `Bearer ${secret:NAME}`.
_WITHIN = re.compile(r"\$\{secret:([^{}]*)\}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")


class Redaction:
    """Puts `***` in place of secrets. Everybody who writes or passes on shares one."""

    def __init__(self) -> None:
        self._texts: tuple[str, ...] = ()
        self._bytes: tuple[bytes, ...] = ()

    def hide(self, secrets: Iterable[str]) -> None:
        """Hide these from now on, and what was hidden before: it may still be known somewhere."""
        # The longest first: one may be the beginning of another.
        self._texts = tuple(sorted({*self._texts, *secrets}, key=len, reverse=True))
        self._bytes = tuple(one.encode() for one in self._texts)

    def text(self, text: str) -> str:
        """Return a text without secrets."""
        for secret in self._texts:
            text = text.replace(secret, HIDDEN)
        return text

    def value(self, value: Any) -> Any:
        """Return a value of a message without secrets."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, bytes):
            for secret in self._bytes:
                value = value.replace(secret, HIDDEN.encode())
            return value
        if isinstance(value, list):
            return [self.value(one) for one in value]
        if isinstance(value, dict):
            return {self.value(key): self.value(one) for key, one in value.items()}
        return value

    def body(self, body: bytes) -> bytes:
        """Return a message's body without secrets; one that holds none is not even read."""
        if not any(secret in body for secret in self._bytes):
            return body
        try:
            return pack(self.value(unpack(body)))
        except LLMAgentOSError:
            return pack(None)


class Secrets:
    """All secrets of this daemon, in one JSON file that is replaced as a whole."""

    def __init__(self, path: Path, now: Callable[[], float] = time.time) -> None:
        """Raises `InputOutputError` for a file that holds no secrets."""
        self._path = path
        self._now = now
        self._held: dict[str, tuple[str, float]] = {}
        self.redaction = Redaction()
        if path.exists():
            try:
                stored = json.loads(path.read_text())
                self._held = {str(n): (str(v), float(at)) for n, (v, at) in stored.items()}
            except (OSError, ValueError, TypeError, AttributeError) as error:
                raise InputOutputError(f"{path} holds no secrets: {type(error).__name__}") from None
        self.redaction.hide(value for value, _ in self._held.values())

    def set(self, name: str, value: str) -> None:
        """Keep a secret. Raises `InvalidArgument` for a name or a value that cannot be one."""
        if not _NAME.fullmatch(name):
            raise InvalidArgument(f"{name[:64]!r} is no name; use letters, digits and _ . -")
        if len(value) < SHORTEST:
            raise InvalidArgument(f"a secret has at least {SHORTEST} characters")
        self._save({**self._held, name: (value, self._now())})
        self.redaction.hide([value])

    def ls(self) -> list[SecretInfo]:
        """Return the secrets by name."""
        return [SecretInfo(name=name, set=at) for name, (_, at) in sorted(self._held.items())]

    def rm(self, name: str) -> None:
        """Forget a secret. Raises `NotFound`."""
        if name not in self._held:
            raise NotFound(f"there is no secret {name[:64]!r}")
        self._save({one: held for one, held in self._held.items() if one != name})

    def resolve(self, settings: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
        """Return settings with secrets in place of their names, and the secrets among them.

        Raises `NotFound` naming one that is not set.
        """
        found: list[str] = []

        def resolved(value: Any) -> Any:
            if isinstance(value, str):
                found.extend(map(self._value, used(value)))
                if value.startswith(PREFIX):
                    return found[-1]
                return _WITHIN.sub(lambda one: self._value(one[1]), value)
            if isinstance(value, list):
                return [resolved(one) for one in value]
            if isinstance(value, dict):
                return {key: resolved(one) for key, one in value.items()}
            return value

        return {key: resolved(value) for key, value in settings.items()}, found

    def _value(self, name: str) -> str:
        if name not in self._held:
            raise NotFound(f"the secret {name} is not set; aos secret set {name}")
        return self._held[name][0]

    def _save(self, held: dict[str, tuple[str, float]]) -> None:
        try:
            rewrite(self._path, json.dumps(held), sync=True)
        except OSError as error:
            raise InputOutputError(f"the secrets cannot be saved: {error.strerror}") from error
        self._held = held


def used(settings: Any) -> Iterator[str]:
    """Yield the names of the secrets that settings ask for."""
    if isinstance(settings, str):
        if settings.startswith(PREFIX):
            yield settings.removeprefix(PREFIX)
        else:
            yield from _WITHIN.findall(settings)
    elif isinstance(settings, dict):
        for one in settings.values():
            yield from used(one)
    elif isinstance(settings, list):
        for one in settings:
            yield from used(one)
