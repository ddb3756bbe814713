"""Sessions of tokens: the processes without a program that their calls run as.

Interface:
    Sessions        `make` a token, `open` its session, `sweep` those whose tokens have ended
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from dataclasses import dataclass

from ...syscalls.errors import PermissionDenied
from ...syscalls.system import NewToken
from ..budget import Limits
from ..capability import Capability, CapabilitySet
from ..keys import Keys
from ..mailbox import PostOffice
from ..process import ControlBlock, Kind, ProcessTable, State
from ..rights.principals import Principals
from ..tokens import Token, TokenStore
from ..trap import Trap

#: Seconds until the clock is looked at again at the latest: it may be set, or the machine sleep.
LOOK = 60.0
#: Interfaces that a token gets only where somebody says so: who approves is a person.
RESERVED = frozenset({"system", "approval", "rights"})
#: What a token may ask of the system itself when nobody says what it may do.
HARMLESS = ("system.table", "system.status", "system.events")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Open:
    token: Token
    process: ControlBlock
    #: What the token had spent before this session.
    earlier: dict[str, float]

    def spent(self) -> dict[str, float]:
        now = self.process.budget.usage()
        return {name: self.earlier.get(name, 0) + now.get(name, 0) for name in self.earlier | now}


class Sessions:
    """One session for each token in use. Times out those that expire."""

    def __init__(
        self,
        *,
        table: ProcessTable,
        trap: Trap,
        post: PostOffice,
        tokens: TokenStore,
        keys: Keys,
        principals: Principals,
    ) -> None:
        self._table = table
        self._trap = trap
        self._post = post
        self._tokens = tokens
        self._keys = keys
        self._principals = principals
        self._open: dict[str, _Open] = {}  # by token id
        self._timer: asyncio.TimerHandle | None = None

    def make(
        self,
        maker: ControlBlock,
        *,
        name: str,
        capabilities: list[str] | None,
        budget: Mapping[str, float] | None,
        expires_in: float | None,
        principal: str | None = None,
    ) -> NewToken:
        """Make a token, within the one that its maker's session stands for; for another principal
        within what the policy allows that one.

        Raises `PermissionDenied` for rights that the maker lacks, and for an agent.
        """
        if maker.kind is Kind.AGENT:
            raise PermissionDenied("an agent makes no tokens: they would outlive it")
        if capabilities is None:
            held = maker.capabilities.attenuate(CapabilitySet(self._usual(maker.capabilities)))
        else:
            held = maker.capabilities.attenuate(CapabilitySet.asked(capabilities))
        if principal not in (None, maker.principal):
            if self.reach(maker) is not None:
                raise PermissionDenied("only the owner in person makes tokens for others")
            ceiling = self._principals.ceiling(principal)
            held = ceiling if capabilities is None else ceiling.attenuate(held)
        return self._tokens.create(
            name=name,
            principal=principal or maker.principal,
            capabilities=list(map(str, held)),
            budget=Limits.parse(budget).bounds,
            expires_in=expires_in,
            parent=self.token(maker),
        )

    def token(self, process: ControlBlock) -> Token | None:
        """Return the token that a process stands for."""
        return next((one.token for one in self._open.values() if one.process is process), None)

    def reach(self, process: ControlBlock) -> str | None:
        """Return whose tokens a process may see: its principal's, and all (None) for the owner in
        person."""
        in_person = process.kind is Kind.SESSION and self.token(process) is None
        owner = in_person and process.principal == self._principals.owner
        return None if owner else process.principal

    def revoke(self, me: ControlBlock, id: str, capabilities: list[str] | None) -> None:
        """End a token, or take some rights from it, and from all that was made with it.

        Raises `NotFound` and `InvalidArgument`.
        """
        if capabilities is None:
            self._tokens.revoke(self.reach(me), id, self.token(me))
            return
        gone = [*CapabilitySet.asked(capabilities)]
        for touched in self._tokens.narrow(self.reach(me), id, gone, self.token(me)):
            if (one := self._open.get(touched)) is not None:
                self._table.revoke(one.process, gone)

    def open(self, secret: str, opener: ControlBlock) -> tuple[ControlBlock, str]:
        """Return the session of a token, or the process of a key, and a name of the secret.
        `opener` may call on its behalf from then on. Raises `PermissionDenied`."""
        process = self._keys.holder(secret)
        if process is not None:
            name = f"process {process.pid}"
        else:
            token = self._tokens.find(secret)
            process, name = self._begin(token), token.info.id
        self._trap.sessions[process.pid] = (opener, process)
        self.note()
        return process, name

    def sweep(self) -> None:
        """End the sessions whose tokens have been revoked or have expired."""
        for id, one in list(self._open.items()):
            if not self._tokens.valid(one.token):
                if one.token.info.revoked or not self._principals.policy.outlive_tokens:
                    # Of what it has started, nothing keeps a right that came from it.
                    self._table.revoke(one.process, [Capability(syscall="*")])
                self._end(self._open.pop(id).process)
        self._set_timer()

    def note(self) -> None:
        """Keep what tokens have spent, for a daemon that is started after this one."""
        self._tokens.note({id: one.spent() for id, one in self._open.items()})

    def _begin(self, token: Token) -> ControlBlock:
        known = self._open.get(token.info.id)
        if known is not None:
            return known.process
        parent, info, earlier = self._tokens.parent(token), token.info, dict(token.spent)
        process = self._table.create(
            principal=info.principal,
            program=f"token {info.name}",
            parent=None if parent is None else self._begin(parent),
            capabilities=CapabilitySet.parse(info.capabilities),
            limits=Limits(
                {name: max(most - earlier.get(name, 0), 0) for name, most in info.budget.items()}
            ),
            kind=Kind.SESSION,
            name=info.name,
            purse=self._principals.purse(info.principal),
        )
        process.state = State.RUNNING
        self._open[info.id] = _Open(token=token, process=process, earlier=earlier)
        self._set_timer()
        return process

    def _end(self, process: ControlBlock) -> None:
        reason = "the token was revoked or has expired"
        self._trap.end_session(process, PermissionDenied(reason))
        self._post.close(process.pid)
        self._table.exit(process, 0, reason)
        self._table.reap(process.pid)

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        left = min((self._tokens.left(one.token) for one in self._open.values()), default=math.inf)
        if left < math.inf:
            wait = min(max(left, 0), LOOK)
            self._timer = asyncio.get_running_loop().call_later(wait, self.sweep)

    def _usual(self, mine: CapabilitySet) -> list[Capability]:
        """Return what a token holds unless it is said: all that its maker may, but of the system's
        own calls those that do no harm."""
        names = {one.name.partition(".")[0] for one in self._trap.registry.descriptions()}
        interfaces = [f"{name}.*" for name in sorted(names - RESERVED)]
        usual = CapabilitySet.parse([*interfaces, *HARMLESS])
        # Of a maker's pattern and a usual one, the narrower is what both allow.
        both = [one for one in usual if any(held.covers(one) for held in mine)]
        both += [held for held in mine if any(one.covers(held) for one in usual)]
        return list(dict.fromkeys(both))
