"""A policy in a folder: what it says, and what is no policy."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from llmagentos.services.learning.advice import HELD, Advice
from llmagentos.services.learning.rl.policy import load, save
from llmagentos.syscalls.errors import InvalidArgument
from llmagentos.syscalls.learning import ModelCard

TABLE = {"values": np.array([[1.0, 2.0], [3.0, 0.5]], dtype=np.float32)}
LAYERS = {
    "0.weight": np.array([[1.0, -1.0]], dtype=np.float32),
    "0.bias": np.array([0.0], dtype=np.float32),
    "1.weight": np.array([[2.0], [-2.0]], dtype=np.float32),
    "1.bias": np.array([0.5, 0.0], dtype=np.float32),
}


def card(folder: Path, **fields: Any) -> ModelCard:
    plain: dict[str, Any] = {"name": "p", "kind": "policy", "version": "1", **fields}
    return ModelCard(
        target=f"hf:{folder}", parent=None, job=None, recipe={}, data={}, scores={}, parameters=1,
        created=time.time(), **plain,
    )  # fmt: skip


def test_table_and_network_say_what_each_action_is_worth(tmp_path: Path) -> None:
    save(tmp_path / "table", "table", TABLE, ["a", "b"])
    assert load(tmp_path / "table").scores(1) == [3.0, 0.5]
    save(tmp_path / "net", "network", LAYERS, ["a", "b"])
    network = load(tmp_path / "net")
    assert network.scores([3.0, 1.0]) == [4.5, -4.0]
    assert network.scores([1.0, 3.0]) == [0.5, 0.0]
    assert network.scores(0) == [2.5, -2.0]


@pytest.mark.parametrize("state", [2, -1, "x", None, [1, 2], {"task": "x"}, float("nan")])
def test_state_of_another_shape_is_refused(tmp_path: Path, state: Any) -> None:
    save(tmp_path / "table", "table", TABLE, ["a", "b"])
    with pytest.raises(InvalidArgument, match="2 states"):
        load(tmp_path / "table").scores(state)
    save(tmp_path / "net", "network", LAYERS, ["a", "b"])
    if state not in ([1, 2], -1):
        with pytest.raises(InvalidArgument, match="2 numbers"):
            load(tmp_path / "net").scores([state])
    save(tmp_path / "linear", "linear", {"weights": TABLE["values"]}, ["a", "b"])
    if state != {"task": "x"}:
        with pytest.raises(InvalidArgument, match="record"):
            load(tmp_path / "linear").scores(state)


@pytest.mark.parametrize(
    ("form", "arrays", "actions"),
    [
        ("table", TABLE, ["a"]),
        ("table", {"weights": TABLE["values"]}, ["a", "b"]),
        ("table", {"values": TABLE["values"] * np.float32("nan")}, ["a", "b"]),
        ("network", TABLE, ["a", "b"]),
        ("network", {**LAYERS, "1.weight": LAYERS["0.weight"]}, ["a", "b"]),
        ("network", LAYERS, ["a", "b", "c"]),
        ("table", TABLE, []),
        ("tree", TABLE, ["a", "b"]),
    ],
)
def test_arrays_that_do_not_fit_are_refused(
    tmp_path: Path, form: str, arrays: Any, actions: list[str]
) -> None:
    save(tmp_path, form, arrays, actions)
    with pytest.raises(InvalidArgument):
        load(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{}", json.dumps({"type": "llmagentos_policy"})])
def test_folder_that_holds_no_policy_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "policy.json").write_text(text)
    with pytest.raises(InvalidArgument):
        load(tmp_path)


def test_advice_names_the_actions_and_holds_the_last_policies(tmp_path: Path) -> None:
    advice = Advice()
    save(tmp_path, "table", TABLE, ["a", "b"])
    assert advice.scores(card(tmp_path), 0) == {"a": 1.0, "b": 2.0}
    save(tmp_path, "table", {"values": -TABLE["values"]}, ["a", "b"])
    assert advice.scores(card(tmp_path), 0) == {"a": 1.0, "b": 2.0}  # of that version
    for version in range(2, HELD + 2):
        assert advice.scores(card(tmp_path, version=str(version)), 0) == {"a": -1.0, "b": -2.0}
    assert advice.scores(card(tmp_path), 0) == {"a": -1.0, "b": -2.0}
    with pytest.raises(InvalidArgument, match="no policy but a causal"):
        advice.scores(card(tmp_path, kind="causal"), 0)
