"""The service over a system that knows some processes and which models answer."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar, cast

import pytest

from llmagentos.services.learning.service import LearningService
from llmagentos.syscalls.errors import (
    DeviceError,
    InvalidArgument,
    LLMAgentOSError,
    NotFound,
    PermissionDenied,
)
from llmagentos.syscalls.host import Host
from llmagentos.syscalls.learning import Verdict
from llmagentos.syscalls.server import Caller, serving

from .models import model

T = TypeVar("T")
VERDICT = Verdict(
    suite="tasks", baseline="embedded", tasks=10, solved=8, baseline_solved=4, won=5, lost=1,
    p=0.1, passed=True, time=1e12,
)  # fmt: skip


class System:
    """The operating system as the service sees it."""

    def __init__(self, homes: Path) -> None:
        self.process = SimpleNamespace(inspect=self._inspect)
        self.model = SimpleNamespace(ls=self._models)
        self.homes = homes
        #: Pids to states, and the targets of what answers; an error is raised.
        self.states = {7: "running", 8: "running"}
        self.targets: list[str] | LLMAgentOSError = ["embedded"]

    def on_behalf(self, call: int) -> System:
        return self

    async def _inspect(self, pid: int) -> Any:
        if pid not in self.states:
            raise NotFound(f"there is no process {pid}")
        home = str(self.homes / "ann" / f"job{pid}")
        return SimpleNamespace(state=self.states[pid], ended=50.0, home=home, kind="agent")

    async def _models(self) -> Any:
        if isinstance(self.targets, LLMAgentOSError):
            raise self.targets
        return [SimpleNamespace(target=one) for one in self.targets]


class Stage:
    """A service with its system."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.system = System(folder / "homes")
        self.home = folder / "homes/ann/job7"
        self.home.mkdir(parents=True)

    def run(self, work: Callable[[LearningService], Awaitable[T]], pid: int = 7) -> T:
        async def whole() -> T:
            service = LearningService()
            state = self.folder / "state"
            state.mkdir(exist_ok=True)
            await service.setup(
                Host(
                    os=cast(Any, self.system), state=state, homes=self.system.homes, config={},
                    tasks=cast(Any, None),
                )
            )  # fmt: skip
            try:
                return await _as(pid, work(service))
            finally:
                await service.teardown()

        return asyncio.run(whole())


async def _as(pid: int, work: Awaitable[T], principal: str = "ann") -> T:
    with serving(Caller(pid=pid, principal=principal, call=1)):
        return await work


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def test_job_reports_publishes_and_ends(stage: Stage) -> None:
    model(stage.home / "m")

    async def work(service: LearningService) -> Any:
        job = await service.begin("pretrain", "small", {"a": 1}, total=2)
        await service.report(job, 1, {"loss": 2.0})
        card = await service.publish("small", "m", job=job, scores={"loss": 2.0})
        await service.finish(job, "succeeded")
        return await service.job(job), card, await service.models(), await service.curves(job)

    job, card, models, curves = stage.run(work)
    assert (job.state, job.models, job.folder) == ("succeeded", ["small"], str(stage.home))
    assert models == [card] and card.job == job.id and len(curves) == 1


@pytest.mark.parametrize("state", ["zombie", None])
def test_job_whose_process_ended_without_a_word_is_lost_and_goes_on(
    stage: Stage, state: str | None
) -> None:
    async def begin(service: LearningService) -> Any:
        return await service.begin("rl", "small", {"a": 1})

    job = stage.run(begin)
    if state is None:
        del stage.system.states[7]
    else:
        stage.system.states[7] = state

    async def look(service: LearningService) -> Any:
        return await service.job(job)

    assert stage.run(look, pid=8).state == "lost"
    assert stage.run(begin, pid=8) == job


def test_job_is_not_lost_while_nobody_knows(stage: Stage) -> None:
    async def work(service: LearningService) -> Any:
        job = await service.begin("rl", "small", {"a": 1})

        async def unknown(pid: int) -> Any:
            raise DeviceError("away")

        stage.system.process.inspect = unknown
        return await service.job(job)

    assert stage.run(work).state == "running"


def test_nobody_speaks_for_anothers_job(stage: Stage) -> None:
    model(stage.folder / "homes/ann/job8/m")

    async def work(service: LearningService) -> None:
        job = await service.begin("rl", "small", {"a": 1})
        for forged in (
            service.report(job, 5, {"loss": 0.0}),
            service.finish(job, "succeeded"),
            service.publish("small", "m", job=job),
        ):
            with pytest.raises(NotFound):
                await _as(8, forged)
        for hidden in (service.job(job), service.curves(job), service.page(job)):
            with pytest.raises(NotFound):
                await _as(7, hidden, principal="bob")
        assert await service.models() == []

    stage.run(work)


def test_model_that_answers_is_neither_superseded_nor_deleted(stage: Stage) -> None:
    model(stage.home / "m")

    async def work(service: LearningService) -> None:
        first = await service.publish("small", "m")
        stage.system.targets = ["embedded", first.target]
        assert (await service.publish("small", "m")).name == "small-2"
        with pytest.raises(InvalidArgument):
            await service.discard("small")
        # Nobody says what answers: any may.
        stage.system.targets = DeviceError("away")
        with pytest.raises(InvalidArgument):
            await service.discard("small-2")
        stage.system.targets = ["embedded"]
        await service.discard("small")
        assert [one.name for one in await service.models()] == ["small-2"]

    stage.run(work)


def test_model_that_a_running_job_has_fetched_stays_as_it_was(stage: Stage) -> None:
    model(stage.home / "m")

    async def work(service: LearningService) -> None:
        await service.publish("small", "m")
        job = await service.begin("finetune", "tuned", {"a": 1})
        await service.fetch("small", "parent")
        assert (await service.publish("small", "m")).name == "small-2"
        await service.finish(job, "succeeded")
        assert (await service.publish("small", "m")).name == "small"

    stage.run(work)


def test_models_published_at_once_get_one_name_after_the_other(stage: Stage) -> None:
    for number in range(8):
        model(stage.home / f"m{number}", numbers=number + 1)

    async def work(service: LearningService) -> Any:
        await asyncio.gather(*(service.publish("small", f"m{number}") for number in range(8)))
        return await service.models()

    [card] = stage.run(work)
    assert card.name == "small" and 1 <= card.parameters <= 8


def test_unknown_kinds_and_folders_out_of_reach_are_refused(stage: Stage) -> None:
    model(stage.home / "m")
    (stage.home / "m/way.json").symlink_to("/etc/passwd")

    async def work(service: LearningService) -> None:
        with pytest.raises(InvalidArgument, match="causal"):
            await service.publish("small", "m", kind="oracle")
        with pytest.raises(PermissionDenied):
            await service.publish("small", "m")
        (stage.home / "m/way.json").unlink()
        with pytest.raises(InvalidArgument):
            await service.publish("small", "m", data={"x": object()})
        assert await service.models() == []

    stage.run(work)


def test_call_that_is_taken_back_leaves_no_model(stage: Stage) -> None:
    model(stage.home / "m", numbers=2_000_000)

    async def work(service: LearningService) -> Any:
        call = asyncio.ensure_future(service.publish("small", "m"))
        await asyncio.sleep(0)
        call.cancel()
        with suppress(asyncio.CancelledError):
            await call
        return await service.models()

    assert stage.run(work) == []
    assert not list((stage.folder / "state/models").glob("*/.new-*"))


def test_person_adopts_what_a_folder_says_that_it_is(stage: Stage, tmp_path: Path) -> None:
    model(tmp_path / "somewhere")

    async def work(service: LearningService) -> Any:
        card = await service.adopt("taken", str(tmp_path / "somewhere"))
        for path in (str(tmp_path / "nowhere"), "relative", "/dev/null", "\0"):
            with pytest.raises((NotFound, InvalidArgument)):
                await service.adopt("other", path)
        # Of a folder without a model nothing is copied: it may be somebody's home.
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(InvalidArgument, match=r"there is no config\.json in the folder"):
            await service.adopt("other", str(tmp_path))
        fetched = await service.fetch("taken", "here")
        return card, fetched

    card, fetched = stage.run(work)
    assert card == fetched and (card.kind, card.job) == ("causal", None)
    assert card.data == {"adopted from": str(tmp_path / "somewhere")}
    assert (stage.home / "here/config.json").exists()


def test_page_shows_what_a_job_made_or_judged(stage: Stage) -> None:
    model(stage.home / "m")

    async def work(service: LearningService) -> Any:
        made = await service.begin("pretrain", "small", {"a": 1})
        await service.publish("small", "m", job=made)
        await service.publish("stranger", "m")
        judging = await service.begin("evaluate", "judging", {"a": 1})
        card = await service.card("small")
        await service.judge("small", replace(VERDICT, time=card.created + 60))
        return await service.page(made), await service.page(judging)

    for page in stage.run(work):
        assert "Model small" in page and "stranger" not in page


def test_gate_stands_before_a_promotion(stage: Stage) -> None:
    model(stage.home / "m")

    async def ls() -> Any:
        return [SimpleNamespace(target="embedded", name="embedded", active=True, state="ready")]

    stage.system.model.ls = ls

    async def work(service: LearningService) -> Any:
        await service.publish("small", "m")
        with pytest.raises(PermissionDenied):
            await service.promote("small")
        with pytest.raises(NotFound):
            await service.promote("nobody")
        with pytest.raises(NotFound):
            await service.rollback()
        return await service.promotions()

    assert stage.run(work) == []
