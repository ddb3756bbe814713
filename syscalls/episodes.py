"""Episodes as data to learn from: one to a line of JSON, or one deed to a row of a table.

Interface:
    lines, parsed   episodes to JSON lines and back
    rows            episodes as rows with the columns of `COLUMNS`, for Parquet
    result_class    one word for what came of a deed
    text_class      one word for what a tool has said
    REPLIES         syscalls by which a model is asked
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from .errors import InvalidArgument
from .learning import Deed, Episode
from .reason import reason

#: Syscalls by which a model is asked.
REPLIES = frozenset({"model.chat", "model.stream", "model.generate"})

#: Names and Arrow types of a row's values, in order. States and actions are JSON texts.
COLUMNS = {
    "episode": "int64", "step": "int64", "syscall": "string", "subject": "string",
    "state": "string", "action": "string", "result_class": "string", "reward": "double",
    "done": "bool", "policy": "string", "logprob": "double", "whole": "bool",
}  # fmt: skip


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
    except OSError as error:
        raise InvalidArgument(f"{path.name}: {error.strerror}") from error
    except UnicodeDecodeError as error:
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


def result_class(deed: Deed) -> str:
    """Return one word for what came of a deed: the error's code, `failed`, `nothing`, `number`,
    `text`, `ok`; for a model's reply `calls` or `answer`."""
    if deed.outcome != "ok":
        return deed.outcome
    if deed.syscall in REPLIES:
        return "calls" if deed.action.get("tool_calls") else "answer"
    if not isinstance(deed.result, Mapping) or "text" not in deed.result:
        return "ok"
    return text_class(str(deed.result["text"]), bool(deed.result.get("failed")))


def text_class(text: str, failed: bool = False) -> str:
    """Return one word for what a tool has said."""
    if failed or text.startswith("error: "):
        return "failed"
    if text in ("", "not found", "nothing found", "empty"):
        return "nothing"
    try:
        return "number" if math.isfinite(float(text)) else "text"
    except ValueError:
        return "text"


@cache
def _checks() -> TypeAdapter[Episode]:
    # To build them takes longer than all else here, and few need them.
    return TypeAdapter(Episode)


def _episode(path: Path, number: int, line: str) -> Episode:
    try:
        return _checks().validate_json(line)
    except ValidationError as error:
        raise InvalidArgument(f"{path.name}, line {number}: {reason(error)}") from None


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=_text)


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return str(value)
