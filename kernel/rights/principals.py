"""What the policy makes of each process, from its next call on.

Interface:
    Principals      `over` a process, `purse` of a principal and what was `spent`, `ceiling`,
                    `reload`
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from ...syscalls.errors import InvalidArgument
from ..budget import Budget, Limits
from ..capability import Capability, CapabilitySet
from ..process import ControlBlock, Kind
from .policy import Policy, read

#: What holds a process, besides what it holds itself; mostly nothing.
Ceilings = tuple[CapabilitySet, ...]
_NOTHING: Ceilings = (CapabilitySet(),)


class Principals:
    """The policy in force. It does not hold drivers and services, the owner's own programs."""

    def __init__(self, owner: str, files: Iterable[Path] = ()) -> None:
        """Raises `InvalidArgument` for a bad policy."""
        #: The daemon's own user, whom no policy holds unless it names them.
        self.owner = owner
        self._files = tuple(files)
        self._purses: dict[str, Budget] = {}
        #: Told of a policy that has taken the place of another one.
        self.on_change: list[Callable[[], None]] = []
        self._take(read(self._files))

    def reload(self) -> Policy:
        """Read the files again. Raises `InvalidArgument` for a bad policy: the old one holds on."""
        self._take(read(self._files))
        for told in self.on_change:
            told()
        return self.policy

    def over(self, process: ControlBlock) -> Ceilings:
        """Return the sets that must allow whatever a process asks for."""
        if process.kind is Kind.AGENT:
            if process.worker:
                return ()
            return self._of_agents.get(process.principal, self._others)
        if process.kind is Kind.SESSION:
            return self._of_people.get(process.principal, _NOTHING)
        return ()

    def named(self, principal: str) -> bool:
        """Whether a principal is the owner, or named by the policy."""
        return principal == self.owner or principal in self.policy.principals

    def ceiling(self, principal: str) -> CapabilitySet:
        """Return what a principal may do at most. Raises `InvalidArgument` for an unknown one."""
        if not self.named(principal):
            raise InvalidArgument(f"the policy names no principal {principal!r}")
        if principal not in self.policy.principals:
            return CapabilitySet([Capability(syscall="*")])
        return self.policy.ceiling(principal)

    def purse(self, principal: str) -> Budget | None:
        """Return the budget from which all of a principal's processes spend, if it has one."""
        return self._purses.get(principal)

    def spent(self, principal: str) -> dict[str, float]:
        """Return what a principal has spent in all."""
        purse = self._purses.get(principal)
        return {} if purse is None else purse.usage()

    def _take(self, policy: Policy) -> None:
        self.policy = policy
        people = {name: (policy.ceiling(name),) for name in policy.principals}
        everybody = [Capability(syscall="*"), *policy.agents]
        agents: Ceilings = (CapabilitySet(everybody),) if policy.agents else ()
        self._of_people: dict[str, Ceilings] = {self.owner: (), **people}
        self._of_agents = {name: (*held, *agents) for name, held in self._of_people.items()}
        self._others: Ceilings = _NOTHING
        for name in policy.principals:
            if name in self._purses:
                self._purses[name].bound(policy.budget(name))
            else:
                self._purses[name] = Budget(policy.budget(name))
        for name in self._purses.keys() - policy.principals.keys():
            self._purses[name].bound(Limits({}))
