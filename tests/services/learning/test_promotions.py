"""A model answers once it has passed, for a part or for all, and the one before is a step away."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import apsw
import pytest

from llmagentos.services.learning.promotions import Promotions
from llmagentos.syscalls.errors import (
    AlreadyExists,
    DeviceError,
    InputOutputError,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    TryAgain,
)
from llmagentos.syscalls.learning import ModelCard, Verdict
from llmagentos.syscalls.model import ModelInfo
from llmagentos.syscalls.os import OS


class Device:
    """Runs targets by name alone."""

    def __init__(self) -> None:
        self.shares = {"embedded": 1.0}
        self.refuses = ""
        #: Of those that are not ready.
        self.states: dict[str, str] = {}

    async def ls(self) -> list[ModelInfo]:
        chosen = next(iter(self.shares))
        return [
            ModelInfo(
                target=target, name=target.removeprefix("hf:/store/"), active=target == chosen,
                device="local", share=share, state=self.states.get(target, "ready"),
            )
            for target, share in self.shares.items()
        ]  # fmt: skip

    async def add(self, target: str) -> None:
        if self.refuses == "add":
            raise DeviceError("on fire")
        self.shares[target] = 0.0

    async def share(self, target: str, share: float) -> None:
        if self.refuses == "share":
            raise InvalidArgument("more than all")
        rest = {one: given for one, given in self.shares.items() if one != target}
        if share == 1:
            self.shares = {target: 1.0, **dict.fromkeys(rest, 0.0)}
        else:
            self.shares[target] = share

    async def remove(self, target: str) -> None:
        del self.shares[target]


class Scene:
    """A device, a log and cards."""

    def __init__(self, folder: Path) -> None:
        self.device = Device()
        self.os = cast(OS, SimpleNamespace(model=self.device))
        self.log = Promotions(folder / "promotions.db", now=lambda: 5.0)

    def card(self, name: str, *verdicts: Verdict, kind: str = "causal") -> ModelCard:
        return ModelCard(
            name=name, target=f"hf:/store/{name}", kind=kind, parent=None, job=None, recipe={},
            data={}, scores={}, parameters=1, version="v", created=1.0, verdicts=list(verdicts),
        )  # fmt: skip

    @property
    def answers(self) -> dict[str, float]:
        return {one.removeprefix("hf:/store/"): share for one, share in self.device.shares.items()}


def verdict(baseline: str, passed: bool = True, **fields: Any) -> Verdict:
    return Verdict(
        suite="s", baseline=baseline, tasks=300, solved=200, baseline_solved=150, won=60, lost=10,
        p=0.0, passed=passed, **fields,
    )  # fmt: skip


def play(folder: Path, scene: Callable[[Scene], Awaitable[None]]) -> None:
    async def run() -> None:
        made = Scene(folder)
        await scene(made)
        made.log.close()

    asyncio.run(run())


def test_model_answers_once_it_has_passed_beside_the_one_that_does(tmp_path: Path) -> None:
    async def scene(s: Scene) -> None:
        promote = s.log.promote
        for card, why in (
            (s.card("a"), "was not compared with embedded"),
            (s.card("a", verdict("other")), "was not compared with embedded"),
            (s.card("a", verdict("embedded"), verdict("embedded", False, reason="worse")), "worse"),
        ):
            with pytest.raises(PermissionDenied, match=why):
                await promote(s.os, card, 1.0)
        assert s.answers == {"embedded": 1.0} and s.log.ls(9) == []
        passed = verdict("embedded")
        made = await promote(s.os, s.card("a", passed), 1.0)
        assert (made.target, made.previous, made.state) == ("hf:/store/a", "embedded", "active")
        assert made.verdict == passed and s.log.ls(9) == [made]
        assert s.answers == {"a": 1.0, "embedded": 0.0}
        with pytest.raises(AlreadyExists):
            await promote(s.os, s.card("a", passed), 1.0)
        assert (await promote(s.os, s.card("b"), 1.0, overrule=True)).verdict is None

    play(tmp_path, scene)


def test_canary_serves_a_share_and_then_all_or_none(tmp_path: Path) -> None:
    async def scene(s: Scene) -> None:
        card = s.card("a", verdict("embedded"))
        await s.log.promote(s.os, card, 0.1)
        assert s.answers == {"embedded": 1.0, "a": 0.1}
        await s.log.promote(s.os, card, 0.3)
        assert [(one.share, one.state) for one in s.log.ls(9)] == [
            (0.3, "canary"), (0.1, "superseded"),
        ]  # fmt: skip
        assert s.log.held() == {"embedded", "hf:/store/a"}
        assert (await s.log.rollback(s.os)).state == "rolled back"
        assert s.answers == {"embedded": 1.0} and s.log.held() == set()
        await s.log.promote(s.os, card, 0.1)
        await s.log.promote(s.os, card, 1.0)
        assert s.answers == {"a": 1.0, "embedded": 0.0}
        assert [one.state for one in s.log.ls(2)] == ["active", "superseded"]

    play(tmp_path, scene)


def test_rollback_goes_back_one_promotion_after_another(tmp_path: Path) -> None:
    async def scene(s: Scene) -> None:
        for name in ("a", "b", "c"):
            await s.log.promote(s.os, s.card(name), 1.0, overrule=True)
        # What only a second rollback leads to is loaded again then.
        assert s.answers == {"c": 1.0, "b": 0.0}
        assert [one.state for one in s.log.ls(9)] == ["active", "superseded", "superseded"]
        for expected in ({"b": 1.0}, {"a": 1.0}, {"embedded": 1.0}):
            await s.log.rollback(s.os)
            assert s.answers == expected
        with pytest.raises(NotFound):
            await s.log.rollback(s.os)
        assert [one.state for one in s.log.ls(9)] == ["rolled back"] * 3

    play(tmp_path, scene)


def test_choice_that_a_person_has_made_since_is_not_rolled_back(tmp_path: Path) -> None:
    async def scene(s: Scene) -> None:
        await s.log.promote(s.os, s.card("a"), 1.0, overrule=True)
        s.device.shares = {"openai:x": 1.0}
        with pytest.raises(NotFound):
            await s.log.rollback(s.os)
        assert s.answers == {"openai:x": 1.0} and s.log.held() == set()

    play(tmp_path, scene)


def test_refusal_of_the_device_leaves_everything_as_it_was(tmp_path: Path) -> None:
    async def scene(s: Scene) -> None:
        for refused, error in (("add", DeviceError), ("share", InvalidArgument)):
            s.device.refuses = refused
            with pytest.raises(error):
                await s.log.promote(s.os, s.card("a"), 0.5, overrule=True)
            assert s.answers == {"embedded": 1.0} and s.log.ls(9) == []
        s.device.refuses = ""
        for kind in ("classifier", "policy"):
            with pytest.raises(InvalidArgument, match=kind):
                await s.log.promote(s.os, s.card("a", kind=kind), 1.0, overrule=True)

    play(tmp_path, scene)


def test_promotion_that_cannot_be_noted_is_none(tmp_path: Path) -> None:
    async def scene(s: Scene) -> None:
        await s.log.promote(s.os, s.card("canary"), 0.2, overrule=True)
        log = apsw.Connection(str(tmp_path / "promotions.db"))
        log.execute(
            "CREATE TRIGGER full BEFORE INSERT ON promotion BEGIN SELECT RAISE(ABORT, 'full'); END"
        )
        log.close()
        for share in (0.5, 1.0):
            with pytest.raises(InputOutputError, match="full"):
                await s.log.promote(s.os, s.card("a"), share, overrule=True)
            assert s.answers == {"embedded": 1.0, "canary": 0.2}
            assert [one.state for one in s.log.ls(9)] == ["canary"]

    play(tmp_path, scene)


def test_log_that_is_none_is_put_aside(tmp_path: Path) -> None:
    (tmp_path / "promotions.db").write_bytes(b"no database" * 1000)

    async def scene(s: Scene) -> None:
        assert s.log.ls(9) == []
        assert (tmp_path / "promotions.db.corrupt-1").read_bytes().startswith(b"no database")

    play(tmp_path, scene)


def test_nobody_takes_the_place_of_a_model_that_is_still_being_loaded(tmp_path: Path) -> None:
    async def scene(s: Scene) -> None:
        s.device.states = {"embedded": "loading"}
        with pytest.raises(TryAgain, match="embedded is loading"):
            await s.log.promote(s.os, s.card("a"), 1.0, overrule=True)
        assert s.answers == {"embedded": 1.0}

    play(tmp_path, scene)


def test_promotion_of_a_model_that_does_not_load_is_rolled_back(tmp_path: Path) -> None:
    async def scene(s: Scene) -> None:
        await s.log.promote(s.os, s.card("a"), 1.0, overrule=True)
        await s.log.promote(s.os, s.card("b"), 0.2, overrule=True)
        s.device.states = {
            "hf:/store/a": "failed: no memory", "hf:/store/b": "loading", "embedded": "loading",
        }  # fmt: skip
        assert (await s.log.rollback(s.os)).target == "hf:/store/b"
        assert s.answers == {"a": 1.0, "embedded": 0.0}
        with pytest.raises(TryAgain, match="embedded is loading"):
            await s.log.rollback(s.os)
        del s.device.states["embedded"]
        await s.log.rollback(s.os)
        assert s.answers == {"embedded": 1.0}

    play(tmp_path, scene)


def test_log_is_there_after_a_restart(tmp_path: Path) -> None:
    async def before(s: Scene) -> None:
        await s.log.promote(s.os, s.card("a", verdict("embedded")), 1.0)

    async def after(s: Scene) -> None:
        [row] = s.log.ls(9)
        assert row.verdict == verdict("embedded") and row == replace(row, state="active")

    play(tmp_path, before)
    play(tmp_path, after)
