"""The `[agent]` part of a recipe: who works on a suite's tasks.

Interface:
    Agent           checked settings; `order` is what a pupil is told
    RIGHTS          what a pupil may ask of the system
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any

from annotated_types import Ge, Gt, Le
from pydantic import Field

from ..training.settings import Part
from .suite import Case

RIGHTS = ("model.chat", "memory.*", "tool.call")
#: The tools of the task-solving dialogue.
USUAL = (
    "calculator", "memory_put", "memory_get", "memory_delete", "memory_list", "file_write",
    "file_read", "file_list", "clock",
)  # fmt: skip
PUPIL = "llmagentos.services.learning.evaluate.pupil:main"


class Agent(Part):
    """Who works on the tasks."""

    #: A program of one's own, `agent.toml` or `agent.py` beside the recipe, which gets the task's
    #: text; None for the dialogue between a model and its tools.
    program: str | None = None
    #: The system message.
    instructions: str = ""
    #: Tools for tasks that name none.
    tools: list[str] = Field(default_factory=lambda: list(USUAL))
    #: Turns of the dialogue, and tokens of a reply.
    steps: Annotated[int, Ge(1), Le(100)] = 8
    reply_tokens: Annotated[int, Ge(1), Le(100_000)] = 128
    #: Seconds after which an agent is stopped.
    timeout: Annotated[float, Gt(0), Le(86_400)] = 120.0

    def names(self, case: Case) -> list[str]:
        """Return the tools for a task."""
        return self.tools if case.tools is None else case.tools

    def order(
        self, case: Case, schemas: Mapping[str, dict[str, Any]], drawing: Mapping[str, Any]
    ) -> str:
        """Return what a pupil is told. `schemas` are those of the house; a tool that it lacks is
        offered by its name. `drawing` says how replies are drawn, as `model.chat` takes it."""
        return json.dumps(
            {
                "instructions": self.instructions,
                "tools": [schemas.get(name) or _bare(name) for name in self.names(case)],
                "steps": self.steps,
                "drawing": {"max_tokens": self.reply_tokens, **drawing},
                "memory": case.memory,
                "files": case.files,
            },
            ensure_ascii=False,
        )


def _bare(name: str) -> dict[str, Any]:
    parameters = {"type": "object", "properties": {"input": {"type": "string"}}}
    function = {"name": name, "description": name.replace("_", " "), "parameters": parameters}
    return {"type": "function", "function": function}
