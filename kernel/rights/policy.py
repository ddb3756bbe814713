"""The owner's policy: which people there are, and what each of them and every agent may do.

    [roles.reader]
    capabilities = ["model.*", "memory.*", "tool.call{effectless}", "process.*"]
    budget = { tokens = 1_000_000, money = 5.0 }

    [principals.alice]
    roles = ["reader"]
    socket = true             # her own user of this machine may connect

    [agents]                  # limits of every agent, whoever has started it
    limits = ["!tool.call:http_fetch{untainted}?"]
    outlive_tokens = false    # they lose their rights when the token expires that started them

Interface:
    Policy          as read; `ceiling` and `budget` of a principal
    read            from files; raises `InvalidArgument` naming the file and the key
    standard_files  where it is looked for
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from ...syscalls.errors import InvalidArgument
from ...syscalls.reason import reason
from ..budget import Limits
from ..capability import Capability, CapabilitySet

T = TypeVar("T")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Role(_Section):
    """What a kind of principal may do and spend."""

    capabilities: list[str]
    #: What each principal of this role may spend in all.
    budget: dict[str, float] = {}


class Principal(_Section):
    """Somebody on whose behalf processes run."""

    roles: list[str]
    #: Whether the user of this name may connect to the control socket.
    socket: bool = False


class Agents(_Section):
    """What holds for every agent."""

    limits: list[str] = []
    #: Whether one keeps its rights when the token that it was started with expires.
    outlive_tokens: bool = False


class _File(_Section):
    roles: dict[str, Role] = {}
    principals: dict[str, Principal] = {}
    agents: Agents = Agents()


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Everything that the files say."""

    roles: Mapping[str, Role] = field(default_factory=dict)
    principals: Mapping[str, Principal] = field(default_factory=dict)
    #: Limits of every agent.
    agents: tuple[Capability, ...] = ()
    #: Whether they keep their rights when the token expires that they were started with.
    outlive_tokens: bool = False
    #: The files that there were.
    files: tuple[Path, ...] = ()

    def ceiling(self, principal: str) -> CapabilitySet:
        """Return all that a principal's roles allow; nothing for one that is not named."""
        named = self.principals.get(principal)
        roles = () if named is None else named.roles
        return CapabilitySet.parse(text for name in roles for text in self.roles[name].capabilities)

    def budget(self, principal: str) -> Limits:
        """Return what a principal may spend: of its roles' limits of a resource the largest."""
        bounds: dict[str, float] = {}
        for name in self.principals[principal].roles:
            for resource, bound in Limits.parse(self.roles[name].budget).bounds.items():
                bounds[resource] = max(bound, bounds.get(resource, 0.0))
        return Limits(bounds)


def read(files: Iterable[Path]) -> Policy:
    """Read the files that exist; a role or a principal stands in one of them.

    Raises `InvalidArgument` naming the file, the key and what is wrong with it.
    """
    roles: dict[str, Role] = {}
    principals: dict[str, Principal] = {}
    agents: list[Capability] = []
    found = [(file, _file(file)) for file in files if file.exists()]
    for file, said in found:
        _enter(file, "roles", roles, said.roles)
        _enter(file, "principals", principals, said.principals)
        agents += _limits(file, said.agents.limits)
    for file, said in found:
        for name, role in said.roles.items():
            _check(file, f"roles.{name}.capabilities", CapabilitySet.asked, role.capabilities)
            _check(file, f"roles.{name}.budget", Limits.parse, role.budget)
        for name, principal in said.principals.items():
            if not _NAME.fullmatch(name):
                raise InvalidArgument(f"{file}: principals: {name!r} is no name of a principal")
            for role_name in principal.roles:
                if role_name not in roles:
                    raise InvalidArgument(
                        f"{file}: principals.{name}.roles: there is no role {role_name!r}"
                    )
    speak = [said.agents for _, said in found if "outlive_tokens" in said.agents.model_fields_set]
    return Policy(
        roles=roles,
        principals=principals,
        agents=tuple(agents),
        # Every file has to agree where several speak of agents.
        outlive_tokens=bool(speak) and all(one.outlive_tokens for one in speak),
        files=tuple(file for file, _ in found),
    )


def standard_files() -> list[Path]:
    """Return where a policy is looked for: not in a project's folder, which may be a stranger's."""
    home = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return [Path("/etc/llmagentos/policy.toml"), Path(home) / "llmagentos/policy.toml"]


def _file(file: Path) -> _File:
    try:
        return _File.model_validate(tomllib.loads(file.read_text()))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise InvalidArgument(f"{file}: {error}") from None
    except ValidationError as error:
        raise InvalidArgument(f"{file}: {reason(error)}") from None


def _enter(file: Path, kind: str, known: dict[str, T], more: Mapping[str, T]) -> None:
    if twice := sorted(known.keys() & more.keys()):
        raise InvalidArgument(f"{file}: {kind}.{twice[0]} stands in another file as well")
    known.update(more)


def _limits(file: Path, texts: list[str]) -> list[Capability]:
    limits = list(_check(file, "agents.limits", CapabilitySet.asked, texts))
    for one in limits:
        if not one.limit:
            raise InvalidArgument(f"{file}: agents.limits: {one} is no limit; write !{one}")
    return limits


def _check(file: Path, key: str, parse: Any, value: Any) -> Any:
    try:
        return parse(value)
    except InvalidArgument as error:
        raise InvalidArgument(f"{file}: {key}: {error.message}") from None
