"""Episodes as files: one to a line of JSON, or one deed to a row of a table.

Interface:
    lines, parsed   episodes to JSON lines and back
    rows            episodes as rows with the columns of `COLUMNS`, for Parquet
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from ...syscalls.errors import InvalidArgument
from ...syscalls.learning import Episode
from ...syscalls.reason import reason
from .deeds import result_class

#: Names and Arrow types of a row's values, in order. States and actions are JSON texts.
COLUMNS = {
    "episode": "int64", "step": "int64", "syscall": "string", "subject": "string",
    "state": "string", "action": "string", "result_class": "string", "reward": "double",
    "done": "bool", "policy": "string", "logprob": "double", "whole": "bool",
}  # fmt: skip
_EPISODE = TypeAdapter(Episode)


def lines(episodes: Iterable[Episode]) -> Iterator[str]:
    """Yield each episode as one line of JSON, without its end."""
    for one in episodes:
        yield _json(asdict(one))


def parsed(path: Path) -> Iterator[Episode]:
    """Yield the episodes of a file of JSON lines. Raises `InvalidArgument` naming the line."""
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield _episode(path, number, line)
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidArgument(f"{path.name}: {error}") from error


def rows(episodes: Iterable[Episode]) -> Iterator[dict[str, Any]]:
    """Yield each deed as a row. The last one of an episode is `done` and carries its reward; the
    others have none."""
    for episode in episodes:
        for step, deed in enumerate(episode.deeds):
            done = step == len(episode.deeds) - 1 and episode.whole
            yield {
                "episode": episode.pid,
                "step": step,
                "syscall": deed.syscall,
                "subject": deed.subject,
                "state": _json(deed.state),
                "action": _json(deed.action),
                "result_class": result_class(deed),
                "reward": (episode.reward or 0.0) if done else 0.0,
                "done": done,
                "policy": deed.policy,
                "logprob": deed.logprob,
                "whole": deed.whole,
            }


def _episode(path: Path, number: int, line: str) -> Episode:
    try:
        return _EPISODE.validate_json(line)
    except ValidationError as error:
        raise InvalidArgument(f"{path.name}, line {number}: {reason(error)}") from None


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=_text)


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return str(value)
