"""A small torch network, from a state to a number for each action.

Interface:
    perceptron      layers with ReLU between them; none hidden is a linear map
    trusting        a linear map that begins as what somebody else holds for likely
    vector          an observation as the network's input
    Saved           a module and its optimiser as arrays, and back
    checked         a loss, if it is a number
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ....syscalls.errors import InvalidArgument
from .learner import Arrays


def perceptron(inputs: int, hidden: Sequence[int], outputs: int) -> nn.Sequential:
    """Return layers of these widths, from (batch, inputs) to (batch, outputs)."""
    widths = [inputs, *hidden, outputs]
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [nn.Linear(before, after), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def trusting(inputs: int, outputs: int, weight: float) -> nn.Sequential:
    """Return a linear map whose outputs begin as its last inputs, times a weight."""
    made = perceptron(inputs, [], outputs)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.zero_()
        matrix = next(made.parameters())
        matrix[:, inputs - outputs :] = weight * torch.eye(outputs)
    return made


def vector(observation: Any, numbered: bool, size: int) -> np.ndarray[Any, Any]:
    """Return an observation as `size` floats; a numbered one as a one among zeros."""
    if not numbered:
        return np.asarray(observation, dtype=np.float32).reshape(size)
    found = np.zeros(size, dtype=np.float32)
    found[int(observation)] = 1.0
    return found


def weights(network: nn.Sequential) -> Arrays:
    """Return a network's layers as arrays, `0.weight`, `0.bias`, `1.weight` …, in their order."""
    linear = [layer for layer in network if isinstance(layer, nn.Linear)]
    found: Arrays = {}
    for place, layer in enumerate(linear):
        found[f"{place}.weight"] = layer.weight.detach().numpy().copy()
        found[f"{place}.bias"] = layer.bias.detach().numpy().copy()
    return found


def checked(loss: Tensor) -> float:
    """Return a loss as a number. Raises `InvalidArgument` where it is none."""
    value = float(loss.detach())
    if not math.isfinite(value):
        raise InvalidArgument(f"learning has diverged: the loss is {value}; try a lower rate")
    return value


class Saved:
    """Modules and their Adam optimiser, saved and restored as arrays."""

    def __init__(self, optimiser: torch.optim.Optimizer, **modules: nn.Module) -> None:
        self._optimiser = optimiser
        self._modules = modules

    def arrays(self) -> Arrays:
        """Return all of their state."""
        found: Arrays = {}
        for name, module in self._modules.items():
            for key, value in module.state_dict().items():
                found[f"{name}/{key}"] = value.numpy().copy()
        for number, state in self._optimiser.state_dict()["state"].items():
            for key, value in state.items():
                found[f"optimiser/{number}/{key}"] = value.numpy().copy()
        return found

    def restore(self, arrays: Arrays) -> None:
        """Take a state over."""
        for name, module in self._modules.items():
            held = {key: torch.from_numpy(arrays[f"{name}/{key}"]) for key in module.state_dict()}
            module.load_state_dict(held)
        states: dict[int, dict[str, Tensor]] = {}
        for place, value in arrays.items():
            if place.startswith("optimiser/"):
                _, number, key = place.split("/")
                states.setdefault(int(number), {})[key] = torch.from_numpy(value.copy())
        whole = self._optimiser.state_dict()
        self._optimiser.load_state_dict({**whole, "state": states})
