from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llmagentos.services.learning import job as module
from llmagentos.services.learning.job import Job, Stopped
from llmagentos.syscalls.errors import DeviceError, InvalidArgument, NotFound

from .conftest import House

RECIPE = 'name = "small"\n[job]\nkind = "pretrain"\n'


class Ran:
    """How a job's process has ended."""

    def __init__(self, code: int, house: House) -> None:
        self.code = code
        self.learning = house.learning

    @property
    def ended(self) -> tuple[str, str | None]:
        return self.learning.ended[0]


@pytest.fixture
def process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Callable[[Job], Any]], Ran]:
    """Run a job's process, all but its being one, around a work of the test's."""
    (tmp_path / "home").mkdir()
    monkeypatch.chdir(tmp_path / "home")
    house = House()

    class Client:
        def close(self) -> None:
            pass

    async def connect(sock: Any) -> Client:
        return Client()

    monkeypatch.setattr(module, "connect", connect)
    monkeypatch.setattr(module, "OS", lambda client: house)
    monkeypatch.setattr(module.machine, "nice", lambda by: 0)

    def run(work: Callable[[Job], Any], text: str = RECIPE) -> Ran:
        made = types.ModuleType("work_of_a_test")
        made.work = work  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "work_of_a_test", made)
        monkeypatch.setattr(module, "KINDS", {"pretrain": "work_of_a_test:work"})
        path = tmp_path / "small.toml"
        path.write_text(text)
        one, other = socket.socketpair()
        with one, other:
            return Ran(asyncio.run(module._run(path, one, False)), house)

    return run


def test_a_job_that_has_succeeded_leaves_nothing_to_go_on_from(process: Any) -> None:
    def work(job: Job) -> None:
        job.begin(10, 3)
        job.checkpoints.mkdir()
        job.report(4, {"loss": 2.0})
        job.report(5, {"loss": 1.0, "rate": 0.1})
        job.report(6, {"loss": 0.5})

    ran = process(work)
    assert (ran.code, ran.ended) == (0, ("succeeded", None))
    assert ran.learning.begun == [{"kind": "pretrain", "name": "small", "total": 10, "step": 3}]
    # What came too soon after the first report is told at the end.
    assert ran.learning.reports == [
        (4, {"loss": 2.0}), (5, {"loss": 1.0, "rate": 0.1}), (6, {"loss": 0.5}),
    ]  # fmt: skip


def test_what_should_be_known_of_a_job_is_printed_and_kept(
    process: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    def work(job: Job) -> None:
        job.begin()
        job.remark("the model is that of step 3")

    assert process(work).ended == ("succeeded", "the model is that of step 3")
    assert capsys.readouterr().err == "the model is that of step 3\n"


def test_of_a_fast_curve_a_few_points_are_told_and_its_last(process: Any) -> None:
    def work(job: Job) -> None:
        job.begin(total=1000)
        for step in range(1000):
            job.report(step, {"loss": 1.0 / (step + 1)})

    steps = [step for step, _ in process(work).learning.reports]
    assert steps[-1] == 999 and 3 <= len(steps) < 100
    assert not Path("checkpoints").exists()


def test_a_job_may_be_a_coroutine(process: Any) -> None:
    async def work(job: Job) -> None:
        job.id = await job.os.learning.begin("pretrain", job.name, job.recipe)
        job.report(1, {"loss": 1.0})

    assert process(work).learning.reports[0] == (1, {"loss": 1.0})


def test_a_job_that_is_asked_to_end_says_so(process: Any) -> None:
    def work(job: Job) -> None:
        job.begin()
        job.checkpoints.mkdir()
        os.kill(os.getpid(), signal.SIGTERM)
        while True:
            job.report(1, {})

    ran = process(work)
    assert (ran.code, ran.ended) == (143, ("stopped", "asked to end"))
    assert Path("checkpoints").exists()


def test_a_job_may_be_asked_to_end_before_it_has_begun(make_job: Callable[..., Job]) -> None:
    job = make_job()
    job.stopping = True
    with pytest.raises(Stopped):
        job.begin()
    assert job.os.learning.begun == []  # type: ignore[attr-defined]


def test_two_jobs_of_a_name_are_not_at_work_at_once(
    process: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    other = module._alone(Path("other.toml"))
    ran = process(lambda job: None)
    assert ran.code == 1 and "EEXIST: small.toml: another job" in capsys.readouterr().err
    other.close()
    assert process(lambda job: None).code == 0


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (InvalidArgument("no such corpus"), "EINVAL: no such corpus"),
        (ValueError("one line\nand another"), "ValueError: one line"),
        (KeyError(), "KeyError: KeyError"),
        (MemoryError(), "EDQUOT: out of memory"),
        (OSError(28, "No space left on device"), "EIO: [Errno 28] No space left on device"),
        (
            ModuleNotFoundError("No module named 'peft'", name="peft"),
            "ENOENT: peft is not installed: pip install 'llmagentos[learn]'",
        ),
    ],
)
def test_what_a_job_has_failed_for_is_told_in_a_line(
    process: Any, capsys: pytest.CaptureFixture[str], error: Exception, reason: str
) -> None:
    def work(job: Job) -> None:
        job.begin()
        raise error

    ran = process(work)
    assert (ran.code, ran.ended) == (1, ("failed", reason))
    said = capsys.readouterr().err
    assert said.endswith(f"aos: {reason}\n")
    # The trace of what nobody has foreseen is in the log.
    assert ("Traceback" in said) == (not isinstance(error, InvalidArgument))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[job", "small.toml: "),
        ("name = 'x'", "kind is one of pretrain, not None"),
        ("job = 3", "kind is one of pretrain, not None"),
        ("[job]\nkind = ['x']", "kind is one of"),
        ("name = 3\n[job]\nkind = 'pretrain'", "name is to be a text"),
    ],
)
def test_a_file_that_is_no_job_is_told(
    process: Any, capsys: pytest.CaptureFixture[str], text: str, message: str
) -> None:
    ran = process(lambda job: None, text)
    assert ran.code == 1 and not ran.learning.ended
    assert message in capsys.readouterr().err


def test_a_report_that_does_not_get_through_stops_no_work(
    process: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "INTERVAL", 0)
    monkeypatch.setattr(module, "PATIENCE", 0)

    def work(job: Job) -> None:
        job.begin()
        job.os.learning.fails = [DeviceError("restarting")]  # type: ignore[attr-defined]
        for step in range(1, 200):
            job.report(step, {"loss": 1.0 / step})

    ran = process(work)
    assert ran.ended == ("succeeded", None)
    assert ran.learning.reports[-1] == (199, {"loss": 1.0 / 199})


def test_a_job_that_is_not_the_callers_any_more_ends(
    process: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "INTERVAL", 0)
    monkeypatch.setattr(module, "PATIENCE", 0)

    def work(job: Job) -> None:
        job.begin()
        job.os.learning.fails = [NotFound("no job 1")]  # type: ignore[attr-defined]
        while True:
            job.report(1, {"loss": 1.0})

    ran = process(work)
    assert (ran.code, ran.ended) == (1, ("failed", "ENOENT: no job 1"))
