"""Gymnasium environments as worlds to learn in: whatever they do wrong is a typed error.

Interface:
    open_world      an environment by its id
    Guarded         checks what an environment does
    seed_of         the seed of an episode
    shape_of        how many states or features, and actions it has
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from typing import Any

from ....syscalls.errors import DeviceError, InvalidArgument, LLMAgentOSError
from ..training.extras import require
from .learner import Env
from .recipe import World


def open_world(world: World) -> Guarded:
    """Return the environment. Raises `InvalidArgument` for one that cannot be made, and `NotFound`
    without gymnasium."""
    require("gymnasium")
    import gymnasium

    try:
        # Its own checker stops at the first wrong thing with an assertion; see `Guarded`.
        env = gymnasium.make(
            world.id, max_episode_steps=world.steps, disable_env_checker=True, **world.arguments
        )
    except Exception as error:  # an environment may raise anything
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InvalidArgument(f"[world] {world.id}: {said}") from error
    return Guarded(env, world.id)


def seed_of(seed: int, purpose: str, episode: int) -> int:
    """Return the seed of an episode: the same after a restart, another one for each purpose."""
    text = f"{seed}:{purpose}:{episode}".encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=4).digest()) >> 1


def shape_of(env: Env) -> tuple[bool, int, int]:
    """Return whether states are numbered, how many states or features there are, and actions.

    Raises `InvalidArgument` for a space that no algorithm here takes.
    """
    from gymnasium import spaces

    actions, states = env.action_space, env.observation_space
    if not isinstance(actions, spaces.Discrete) or actions.start:
        raise InvalidArgument(f"actions are numbered from 0, not {actions}")
    if isinstance(states, spaces.Discrete) and not states.start:
        return True, int(states.n), int(actions.n)
    if isinstance(states, spaces.Box):
        return False, math.prod(states.shape), int(actions.n)
    raise InvalidArgument(f"observations are numbers from 0 or a box of numbers, not {states}")


class Guarded:
    """An environment whose failures are `DeviceError`."""

    def __init__(self, env: Env, name: str) -> None:
        self._env = env
        self.name = name
        self.action_space = env.action_space
        self.observation_space = env.observation_space

    @property
    def unwrapped(self) -> Env:
        """The environment itself."""
        return self._env.unwrapped

    @property
    def threshold(self) -> float | None:
        """The return from which on the environment counts as solved, where it says so."""
        return None if self._env.spec is None else self._env.spec.reward_threshold

    def reset(self, seed: int | None) -> Any:
        """Begin an episode and return the first observation."""
        return self._safely(self._env.reset, seed=seed)[0]

    def step(self, action: int) -> tuple[Any, float, bool, bool]:
        """Act; return observation, reward, whether it is the end, and whether it was cut off."""
        observation, reward, ended, cut, _ = self._safely(self._env.step, action)
        try:
            value = float(reward)
        except (TypeError, ValueError):
            value = math.nan
        if not math.isfinite(value):
            raise DeviceError(f"the world {self.name} gives a reward of {reward!r}")
        return observation, value, bool(ended), bool(cut)

    def render(self) -> str | None:
        """Return the world as a text, where it was made to show itself in one."""
        shown = self._safely(self._env.render) if self._env.render_mode else None
        return shown if isinstance(shown, str) else None

    def close(self) -> None:
        """Close the environment."""
        self._safely(self._env.close)

    def _safely(self, work: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        try:
            return work(*args, **kwargs)
        except LLMAgentOSError:
            raise
        except Exception as error:  # a stranger's world may raise anything
            raise DeviceError(
                f"the world {self.name} has crashed: {type(error).__name__}: {error}"
            ) from error
