"""Bearer tokens for the HTTP API: each is a set of capabilities and a budget.

Only a digest of a token's secret is kept; the file is the owner's alone (mode 0600).

Interface:
    TokenStore      `create`, `find`, `ls`, `revoke`
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

from ..syscalls.errors import InputOutputError, InvalidArgument, NotFound, PermissionDenied
from ..syscalls.system import NewToken, TokenInfo

PREFIX = "aos_"


class TokenStore:
    """All tokens of this daemon, in one JSON file that is replaced as a whole."""

    def __init__(self, path: Path, now: Callable[[], float] = time.time) -> None:
        self._path = path
        self._now = now
        self._tokens: dict[str, TokenInfo] = {}  # by digest of the secret
        if path.exists():
            try:
                stored = json.loads(path.read_text())
                self._tokens = {digest: TokenInfo(**token) for digest, token in stored.items()}
            except (ValueError, TypeError, AttributeError) as error:
                raise InputOutputError(f"{path} holds no tokens: {error}") from error

    def create(
        self,
        *,
        name: str,
        principal: str,
        capabilities: list[str],
        budget: dict[str, float],
        expires_in: float | None,
    ) -> NewToken:
        """Make a token; this is the only time that its secret is known."""
        if not name or len(name) > 100:
            raise InvalidArgument("a token's name has 1 to 100 characters")
        if expires_in is not None and expires_in <= 0:
            raise InvalidArgument("a token expires in more than 0 seconds")
        now = self._now()
        info = TokenInfo(
            id=secrets.token_hex(4),
            name=name,
            principal=principal,
            capabilities=capabilities,
            budget=budget,
            created=now,
            expires=None if expires_in is None else now + expires_in,
        )
        secret = PREFIX + secrets.token_urlsafe(32)
        self._tokens[_digest(secret)] = info
        self._save()
        return NewToken(secret=secret, info=info)

    def find(self, secret: str) -> TokenInfo:
        """Return what a secret stands for. Raises `PermissionDenied`, the same for every reason."""
        info = self._tokens.get(_digest(secret))
        if (
            info is None
            or info.revoked
            or (info.expires is not None and info.expires <= self._now())
        ):
            raise PermissionDenied("the token is unknown, expired or revoked")
        return info

    def ls(self, principal: str) -> list[TokenInfo]:
        """Return a principal's tokens, the oldest first."""
        mine = [token for token in self._tokens.values() if token.principal == principal]
        return sorted(mine, key=lambda token: token.created)

    def revoke(self, principal: str, id: str) -> None:
        """End a token. Raises `NotFound`."""
        for digest, token in self._tokens.items():
            if token.id == id and token.principal == principal:
                self._tokens[digest] = replace(token, revoked=True)
                self._save()
                return
        raise NotFound(f"there is no token {id!r}")

    def _save(self) -> None:
        text = json.dumps({digest: asdict(token) for digest, token in self._tokens.items()})
        aside = self._path.with_suffix(".new")
        try:
            with open(os.open(aside, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as file:
                file.write(text)
            aside.replace(self._path)
        except OSError as error:
            raise InputOutputError(f"the tokens cannot be saved: {error}") from error


def _digest(secret: str) -> str:
    # A secret of 256 random bits needs no slow hash: there is nothing to guess.
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()
