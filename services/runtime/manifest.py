"""What an `agent.toml` may say.

Interface:
    Manifest        all of it, checked
    read            a file's manifest
"""

from __future__ import annotations

import tomllib
from fnmatch import fnmatch
from pathlib import Path
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ...syscalls.errors import InvalidArgument
from ...syscalls.reason import reason


class Limits(BaseModel):
    """How far one run may go."""

    model_config = ConfigDict(extra="forbid")

    #: Turns of the loop.
    steps: int = Field(default=16, gt=0)
    #: Tokens of one reply of the model.
    reply_tokens: int = Field(default=512, gt=0)


class Planning(BaseModel):
    """How a task is planned, where the strategy is `plan`; the fields are those of `plan.solve`."""

    model_config = ConfigDict(extra="forbid")

    strategy: str = "best-of-k"
    candidates: Annotated[int, Ge(1), Le(32)] = 4
    rounds: Annotated[int, Ge(1), Le(32)] = 8
    temperature: Annotated[float, Gt(0), Le(2)] = 0.8
    #: Whether the model is told what memory and knowledge have on the task.
    background: bool = True


class Documents(BaseModel):
    """What the agent knows before it begins."""

    model_config = ConfigDict(extra="forbid")

    #: Patterns of files beside the manifest, `documents/*`; each is taken in once.
    documents: list[str] = []
    #: Whether the model writes facts out of them.
    extract: bool = False


class Manifest(BaseModel):
    """A declared agent. The kernel reads `name`, `capabilities`, `budget`, `durable` and `in_doubt`
    as well."""

    model_config = ConfigDict(extra="forbid")

    name: str | None = None
    #: What it does when it is started without a task.
    goal: str | None = None
    #: The system message.
    instructions: str = "You are a helpful agent."
    #: Patterns of tool names (`memory_*`); none for no tools.
    tools: list[str] = []
    temperature: float = Field(default=0.0, ge=0, le=5)
    #: `react`: the model speaks and its tools run, turn by turn; `plan`: by the planning service.
    strategy: Literal["react", "plan"] = "react"
    plan: Planning = Planning()
    knowledge: Documents = Documents()
    limits: Limits = Limits()
    capabilities: list[str] | None = None
    budget: dict[str, float] = {}
    durable: bool = False
    in_doubt: Literal["error", "ask"] = "error"

    def wants(self, tool: str) -> bool:
        """Whether a tool is offered to the model."""
        return any(fnmatch(tool, pattern) for pattern in self.tools)


def read(path: Path) -> Manifest:
    """Return a file's manifest. Raises `InvalidArgument` naming the file and the key."""
    try:
        return Manifest.model_validate(tomllib.loads(path.read_text()))
    except ValidationError as error:
        raise InvalidArgument(f"{path.name}: {reason(error)}") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidArgument(f"{path.name}: {error}") from None
