"""Bearer tokens for the HTTP API: each is a set of capabilities and a budget.

A token that was made with another one is a part of it: it holds no more, spends from its budget,
expires no later, and is revoked with it. Only a digest of a token's secret is kept; the file is
the owner's alone (mode 0600). Those that have expired or were revoked are forgotten after a week,
or sooner where there are many.

Interface:
    Token           a token as it is kept
    TokenStore      `create`, `find`, `valid`, `ls`, `revoke`, `narrow`, and `note` what was spent
"""

from __future__ import annotations

import hashlib
import json
import math
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from ..syscalls.errors import (
    InputOutputError,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    QuotaExceeded,
)
from ..syscalls.system import NewToken, TokenInfo
from .capability import Capability, CapabilitySet
from .paths import rewrite

PREFIX = "aos_"
#: Seconds until a token expires at the latest, if it does: a century.
LONGEST = 100 * 365 * 86400.0
#: Tokens that a principal may have at once.
MOST = 1000
#: Seconds for which one that has ended is still listed, and how many of them are at most.
LISTED, ENDED = 7 * 86400.0, 200
_INFO = TypeAdapter(TokenInfo)


@dataclass(slots=True, kw_only=True, eq=False)
class Token:
    """A token as it is kept. The store alone writes it."""

    info: TokenInfo
    #: Id of the token that it was made with; None for one that the owner has made.
    parent: str | None = None
    #: What it has spent, with all that were made with it, as it was last noted.
    spent: dict[str, float] = field(default_factory=dict)
    #: Seconds since 1970 when it was revoked.
    revoked: float | None = None


class TokenStore:
    """All tokens of this daemon, in one JSON file that is replaced as a whole."""

    def __init__(self, path: Path, now: Callable[[], float] = time.time) -> None:
        self._path = path
        self._now = now
        self._tokens: dict[str, Token] = {}  # by digest of the secret
        if path.exists():
            try:
                stored = json.loads(path.read_text())
                self._tokens = {digest: _loaded(token) for digest, token in stored.items()}
            except (OSError, ValueError, TypeError, AttributeError, KeyError) as error:
                raise InputOutputError(f"{path} holds no tokens: {error}") from error
        self._by_id = {token.info.id: token for token in self._tokens.values()}

    def create(
        self,
        *,
        name: str,
        principal: str,
        capabilities: list[str],
        budget: Mapping[str, float],
        expires_in: float | None,
        parent: Token | None = None,
    ) -> NewToken:
        """Make a token; this is the only time that its secret is known.

        A parent's limits and expiry bound the new token's.
        """
        if not name or len(name) > 100:
            raise InvalidArgument("a token's name has 1 to 100 characters")
        if expires_in is not None and not 0 < expires_in <= LONGEST:
            raise InvalidArgument(f"a token expires in more than 0 and up to {LONGEST:.0f} seconds")
        now, kept = self._now(), self._unforgotten()
        if (
            sum(one.info.principal == principal and self.valid(one) for one in kept.values())
            >= MOST
        ):
            raise QuotaExceeded(f"{principal} has {MOST} tokens; revoke some first", left=0)
        limits = dict(budget)
        expires = None if expires_in is None else now + expires_in
        if parent is not None:
            for resource, bound in parent.info.budget.items():
                limits[resource] = min(bound, limits.get(resource, math.inf))
            bounds = [one for one in (expires, parent.info.expires) if one is not None]
            expires = min(bounds, default=None)
        info = TokenInfo(
            id=secrets.token_hex(4),
            name=name,
            principal=principal,
            capabilities=capabilities,
            budget=limits,
            created=now,
            expires=expires,
        )
        secret = PREFIX + secrets.token_urlsafe(32)
        token = Token(info=info, parent=None if parent is None else parent.info.id)
        tokens = {**kept, _digest(secret): token}
        self._save(tokens)  # A token that cannot be kept is none.
        self._tokens, self._by_id = tokens, {one.info.id: one for one in tokens.values()}
        return NewToken(secret=secret, info=info)

    def find(self, secret: str) -> Token:
        """Return what a secret stands for. Raises `PermissionDenied`, the same for every reason."""
        token = self._tokens.get(_digest(secret))
        if token is None or not self.valid(token):
            raise PermissionDenied("the token is unknown, expired or revoked")
        return token

    def valid(self, token: Token) -> bool:
        """Whether a token has neither been revoked nor expired."""
        return not token.info.revoked and self.left(token) > 0

    def left(self, token: Token) -> float:
        """Return the seconds until a token expires."""
        expires = token.info.expires
        return math.inf if expires is None else expires - self._now()

    def parent(self, token: Token) -> Token | None:
        """Return the token that another one was made with."""
        return None if token.parent is None else self._by_id[token.parent]

    def ls(self, principal: str | None, within: Token | None = None) -> list[TokenInfo]:
        """Return a principal's tokens or, with None, all, the oldest first; with `within`, it and
        what it has made."""
        mine = [
            token.info
            for token in self._tokens.values()
            if principal in (None, token.info.principal)
            and (within is None or within in self._line(token))
        ]
        return sorted(mine, key=lambda info: info.created)

    def revoke(self, principal: str | None, id: str, within: Token | None = None) -> None:
        """End a token and all that were made with it. Raises `NotFound`."""
        for token in self._below(principal, id, within):
            token.info = replace(token.info, revoked=True)
            if token.revoked is None:
                token.revoked = self._now()
        # It is revoked even where that cannot be written down.
        self._save(self._tokens)

    def narrow(
        self,
        principal: str | None,
        id: str,
        gone: Iterable[Capability],
        within: Token | None = None,
    ) -> list[str]:
        """Take rights from a token and all that were made with it; return their ids.

        Raises `NotFound`.
        """
        below = self._below(principal, id, within)
        for token in below:
            held = CapabilitySet.parse(token.info.capabilities)
            for one in gone:
                held = held.revoked(one)
            token.info = replace(token.info, capabilities=list(map(str, held)))
        self._save(self._tokens)
        return [token.info.id for token in below]

    def spent(self, principal: str) -> dict[str, float]:
        """Return what a principal's tokens have spent in all, as it was last noted."""
        total: dict[str, float] = {}
        for token in self._tokens.values():
            if token.info.principal == principal and token.parent is None:
                for resource, cost in token.spent.items():
                    total[resource] = total.get(resource, 0.0) + cost
        return total

    def _below(self, principal: str | None, id: str, within: Token | None) -> list[Token]:
        """Return a token and all that were made with it. Raises `NotFound`."""
        if id not in {info.id for info in self.ls(principal, within)}:
            raise NotFound(f"there is no token {id!r}")
        first = self._by_id[id]
        return [token for token in self._tokens.values() if first in self._line(token)]

    def note(self, spent: Mapping[str, dict[str, float]]) -> None:
        """Keep what tokens have spent, by id.

        A disk that refuses is no reason to refuse whoever spends: it is written the next time.
        """
        changed = {
            id: costs
            for id, costs in spent.items()
            if id in self._by_id and self._by_id[id].spent != costs
        }
        for id, costs in changed.items():
            self._by_id[id].spent = costs
        if changed:
            with suppress(InputOutputError):
                self._save(self._tokens)

    def _unforgotten(self) -> dict[str, Token]:
        """Return all tokens but those that ended long ago, or before many others that have."""
        now = self._now()
        ended = [one for one in self._tokens.values() if not self.valid(one)]
        ended.sort(key=_end, reverse=True)
        listed = {one.info.id for one in ended[:ENDED] if now - _end(one) < LISTED}
        kept: dict[str, Token] = {}
        ids: set[str] = set()
        for digest, token in self._tokens.items():  # One comes after that it was made with.
            if (token.info.id in listed or self.valid(token)) and (
                token.parent is None or token.parent in ids
            ):
                kept[digest] = token
                ids.add(token.info.id)
        return kept

    def _line(self, token: Token) -> Iterator[Token]:
        """Yield a token, the one that it was made with, and so on."""
        one: Token | None = token
        while one is not None:
            yield one
            one = self.parent(one)

    def _save(self, tokens: Mapping[str, Token]) -> None:
        text = json.dumps({digest: _stored(token) for digest, token in tokens.items()})
        try:
            rewrite(self._path, text, sync=True)
        except OSError as error:
            raise InputOutputError(f"the tokens cannot be saved: {error}") from error


def _stored(token: Token) -> dict[str, Any]:
    kept = {"parent": token.parent, "spent": token.spent, "ended": token.revoked}
    return {**asdict(token.info), **kept}


def _loaded(stored: dict[str, Any]) -> Token:
    parent, spent, ended = stored.pop("parent"), stored.pop("spent"), stored.pop("ended", None)
    if not isinstance(ended, float | int | None):
        raise ValueError(f"a token was revoked at {ended!r}")
    # A pydantic error is a ValueError.
    info = _INFO.validate_json(json.dumps(stored), strict=True)
    return Token(info=info, parent=parent, spent=spent, revoked=ended)


def _end(token: Token) -> float:
    """Return when a token has ended, or will."""
    found = (token.info.expires, token.revoked)
    # One that was revoked before that was noted counts from its making.
    return min((one for one in found if one is not None), default=token.info.created)


def _digest(secret: str) -> str:
    # A secret of 256 random bits needs no slow hash: there is nothing to guess.
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()
