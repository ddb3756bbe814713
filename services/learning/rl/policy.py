"""A policy in a folder: `policy.json` and `model.safetensors`, a score for each action.

    table       `values` (states, actions); the state is a number
    network     layers `0.weight` (outputs, inputs), `0.bias`, …; the state is a list of numbers,
                or where it has `features` a record as below, and with `prior` in it the
                model's own log-probability of each action
    linear      `weights` (features, actions); the state is a record of a task's course

Interface:
    Policy          `scores` of a state
    load            from a folder; raises `InvalidArgument` for one that holds none
    save            into a folder
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from ....syscalls.errors import InvalidArgument
from ..training.failures import whole, writing
from .features import Course, places
from .learner import Arrays
from .prior import scaled

#: What `policy.json` says of itself.
TYPE = "llmagentos_policy"
FORMS = ("table", "network", "linear")


class Policy:
    """What was learnt, to be asked."""

    def __init__(self, config: dict[str, Any], arrays: Arrays) -> None:
        self.config = config
        self._arrays = arrays
        self._layers = len(arrays) // 2
        #: Names of the actions, in the order of the scores.
        self.actions: list[str] = list(config["actions"])

    def scores(self, state: Any) -> list[float]:
        """Return a number for each action, the best has the highest.

        Raises `InvalidArgument` for a state of another shape.
        """
        try:
            found = getattr(self, f"_{self.config['form']}")(state)
        except (TypeError, ValueError, IndexError, KeyError) as error:
            raise InvalidArgument(
                f"a {self.config['form']} policy of {self._inputs()} cannot be asked about "
                f"{str(state)[:80]}"
            ) from error
        return [float(one) for one in found]

    def _inputs(self) -> str:
        if self.config["form"] == "table":
            return f"{len(self._arrays['values'])} states"
        if self.config["form"] == "network":
            return f"{self._arrays['0.weight'].shape[1]} numbers"
        return "records with the key task"

    def _table(self, state: Any) -> Any:
        if not 0 <= int(state) < len(self._arrays["values"]):
            raise IndexError(state)
        return self._arrays["values"][int(state)]

    def _network(self, state: Any) -> Any:
        size = self._arrays["0.weight"].shape[1]
        if "features" in self.config and isinstance(state, Mapping | Course):
            held = np.zeros(size, dtype=np.float32)
            held[places(Course.of(state), self.config["features"])] = 1.0
            if self.config.get("prior"):
                said = dict(state["prior"])  # type: ignore[index]
                held[self.config["features"] :] = scaled([said[name] for name in self.actions])
        elif isinstance(state, int):
            held = np.zeros(size, dtype=np.float32)
            held[state] = 1.0
        else:
            held = np.asarray(state, dtype=np.float32).reshape(size)
        for place in range(self._layers):
            held = self._arrays[f"{place}.weight"] @ held + self._arrays[f"{place}.bias"]
            if place < self._layers - 1:
                held = np.maximum(held, 0.0)
        return held

    def _linear(self, state: Any) -> Any:
        weights = self._arrays["weights"]
        return weights[places(Course.of(state), len(weights))].sum(0)


def save(folder: Path, form: str, arrays: Arrays, actions: list[str], **config: Any) -> None:
    """Write a policy into a folder, which is made. Raises `InputOutputError`."""
    said = {"type": TYPE, "form": form, "actions": actions, **config}
    with writing("the policy"), whole(folder):
        folder.mkdir(parents=True, exist_ok=True)
        save_file(arrays, folder / "model.safetensors", metadata={"format": "np"})
        (folder / "policy.json").write_text(json.dumps(said, indent=2) + "\n")


def load(folder: Path) -> Policy:
    """Return the policy in a folder. Raises `InvalidArgument`."""
    try:
        config = json.loads((folder / "policy.json").read_text())
        if config.get("type") != TYPE or config.get("form") not in FORMS:
            raise InvalidArgument(f"{folder.name} holds no policy of ours")
        arrays = load_file(folder / "model.safetensors")
        if not _fits(config, arrays):
            raise InvalidArgument(f"{folder.name}: the arrays are not those of the policy")
        return Policy(config, arrays)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, SafetensorError) as error:
        raise InvalidArgument(f"{folder.name} holds no policy: {error}") from error


def _fits(config: dict[str, Any], arrays: Arrays) -> bool:
    """Whether the arrays are those of the form, of one another's shapes, and all numbers."""
    actions = len(config["actions"])
    if not actions or not all(np.isfinite(one).all() for one in arrays.values()):
        return False
    if config["form"] != "network":
        name = "values" if config["form"] == "table" else "weights"
        return (
            list(arrays) == [name] and arrays[name].ndim == 2 and arrays[name].shape[1] == actions
        )
    layers = [(arrays.get(f"{n}.weight"), arrays.get(f"{n}.bias")) for n in range(len(arrays) // 2)]
    if not layers or any(one is None or other is None for one, other in layers):
        return False
    shapes = [(one.shape, other.shape) for one, other in layers]  # type: ignore[union-attr]
    chained = all(
        len(weight) == 2
        and bias == weight[:1]
        and (not place or weight[1] == shapes[place - 1][0][0])
        for place, (weight, bias) in enumerate(shapes)
    )
    return chained and shapes[-1][1] == (actions,)
