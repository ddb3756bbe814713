"""The rights interface, answered by process 1.

Interface:
    Warden          implements `Rights`
"""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from dataclasses import replace

from ...syscalls.errors import PermissionDenied
from ...syscalls.rights import Audited, PolicyInfo, Rights, SecretInfo
from ..capability import Capability, CapabilitySet
from ..process import ControlBlock, Kind
from ..rights.audit import Audit, Wanted
from ..rights.secrets import Secrets, used
from .house import House


class Warden(Rights):
    """Who may do what, and who has done what."""

    def __init__(self, house: House, audit: Audit, secrets: Secrets) -> None:
        self._house = house
        self._audit = audit
        self._secrets = secrets

    async def policy(self) -> PolicyInfo:
        house, me = self._house, self._house.caller()
        policy = house.principals.policy
        shown = {
            name: one
            for name, one in policy.principals.items()
            if house.principals.owner == me.principal or name == me.principal
        }
        roles = {name for one in shown.values() for name in one.roles}
        everything = house.principals.owner == me.principal
        return PolicyInfo(
            files=[str(one) for one in policy.files],
            roles={
                name: role.model_dump()
                for name, role in policy.roles.items()
                if everything or name in roles
            },
            principals={
                name: {**one.model_dump(), "spent": self._house.principals.spent(name)}
                for name, one in shown.items()
            },
            agents=[str(one) for one in policy.agents],
        )

    async def reload(self) -> PolicyInfo:
        self._owner()
        self._house.principals.reload()
        return await self.policy()

    async def revoke(self, pid: int, capabilities: list[str]) -> list[int]:
        gone = [*CapabilitySet.asked(capabilities)]
        process = self._house.reachable(pid)
        touched = self._house.table.revoke(process, gone)
        me, said = self._house.caller(), ", ".join(map(str, gone))
        self._house.events.emit(
            "rights.revoked", f"{process.name} has lost {said}", pid, by=me.pid, pids=touched
        )
        return touched

    async def audit(
        self,
        pid: int | None = None,
        principal: str | None = None,
        capability: str | None = None,
        denied: bool = False,
        since: float | None = None,
        follow: bool = False,
    ) -> AsyncIterator[Audited]:
        me = self._house.caller()
        if me.kind is Kind.AGENT:
            raise PermissionDenied("the audit is for people")
        if me.principal != self._house.principals.owner:
            principal = me.principal
        wanted = Wanted(
            pid=pid,
            principal=principal,
            capability=None if capability is None else _whole(capability),
            denied=denied,
            since=since or 0.0,
        )
        async for one in self._audit.read(wanted, follow):
            yield one

    async def secret_set(self, name: str, value: str) -> list[str]:
        self._owner()
        self._secrets.set(name, value)
        self._house.events.emit("secret.set", f"the secret {name} was set")
        services = self._house.supervisor.services
        using = [one for one in services if name in used(one.config.settings)]
        for service in using:
            if (process := service.process) is not None:
                process.verdict = (143, f"the secret {name} was set")
                self._house.agents.signal(process, signal.SIGTERM)
        return [one.plugin.name for one in using]

    async def secret_ls(self) -> list[SecretInfo]:
        self._owner()
        return self._secrets.ls()

    async def secret_rm(self, name: str) -> None:
        self._owner()
        self._secrets.rm(name)
        self._house.events.emit("secret.removed", f"the secret {name} was removed")

    def _owner(self) -> ControlBlock:
        """Return the caller, which has to be the owner, or a token of the owner's."""
        me = self._house.caller()
        if me.kind is not Kind.SESSION or me.principal != self._house.principals.owner:
            raise PermissionDenied("only the owner of the daemon may do this")
        return me


def _whole(text: str) -> Capability:
    """Read a pattern of calls that somebody looks for: also of those that no pattern grants."""
    return replace(Capability.parse(text), limit=True)
