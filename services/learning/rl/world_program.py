"""The process that a world is: an environment that an agent has started below itself.

It runs in the agents' sandbox with no right but to its mailbox, so that a world which hangs or
crashes takes nobody along. Whoever writes to it first is its visitor; letters of others are
dropped.

    {"number": 1, "reset": 7}       begin an episode, with a seed or None
    {"number": 2, "act": 3}         act
    {"number": 3, "close": True}    end

Interface:
    main            the program; its task is `[world]` of a recipe, as JSON
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from ....syscalls.blocking import BlockingOS
from ....syscalls.errors import DeadlineExceeded, InvalidArgument, LLMAgentOSError, TryAgain
from .recipe import World
from .world import Guarded, open_world

#: Seconds without a letter after which it ends: its visitor may have gone.
IDLE = 900.0
#: Seconds between two tries to put an answer into a mailbox that is full, and how many.
_PAUSE, _TRIES = 0.05, 200


def main(os: BlockingOS, task: str | None) -> int:
    """Answer the visitor's letters until it closes the world."""
    env: Guarded | None = None
    visitor: int | None = None
    while True:
        try:
            letter = os.call("ipc.recv", deadline=IDLE)
        except DeadlineExceeded:
            return 0
        order = letter["body"]
        visitor = letter["sender"] if visitor is None else visitor
        if letter["sender"] != visitor or not isinstance(order, dict):
            continue
        number = {"number": order.get("number")}
        try:
            env = env or open_world(World.model_validate_json(task or "{}"))
            answer = answered(env, order)
        except LLMAgentOSError as error:
            answer = {"error": [error.code, error.message]}
        _send(os, visitor, {**number, **answer})
        if order.get("close"):
            return 0


def answered(env: Guarded, order: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a visitor sees after a letter. Raises `InvalidArgument` for an action that there
    is not, and `DeviceError` where the world breaks."""
    if order.get("close"):
        env.close()
        return {}
    seen: dict[str, Any] = {"reward": 0.0, "ended": False, "cut": False}
    if "act" in order:
        seen["observation"], seen["reward"], seen["ended"], seen["cut"] = env.step(
            _action(env, order["act"])
        )
    else:
        seen["observation"] = env.reset(order.get("reset"))
        seen["actions"] = str(env.action_space)
    shown = env.render()
    return {**seen, "observation": plain(seen["observation"]), "text": shown}


def plain(value: Any) -> Any:
    """Return an observation as what a message can carry."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, Mapping):
        return {str(name): plain(one) for name, one in value.items()}
    return [plain(one) for one in value] if isinstance(value, tuple | list) else value


def _action(env: Guarded, said: Any) -> Any:
    """Return an action as the world takes it."""
    space = env.action_space
    try:
        action = said if isinstance(said, int | str) else np.asarray(said, dtype=space.dtype)
        if space.contains(action):
            return action
    except (TypeError, ValueError):
        pass
    raise InvalidArgument(f"an action is one of {space}, not {said!r}")


def _send(os: BlockingOS, to: int, answer: dict[str, Any]) -> None:
    for _ in range(_TRIES):
        try:
            os.ipc.send(to, answer)
            return
        except TryAgain:
            time.sleep(_PAUSE)
