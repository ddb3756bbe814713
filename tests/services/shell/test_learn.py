"""`aos learn` over a daemon's part that is taken from memory."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmagentos.services.shell.commands import learn_watch
from llmagentos.services.shell.commands.learn_plot import chart, number, spark
from llmagentos.services.shell.commands.learn_watch import Watch
from llmagentos.syscalls.errors import DeviceError
from llmagentos.syscalls.learning import JobInfo, Point
from llmagentos.syscalls.os import OS
from llmagentos.syscalls.process import Exit, LogLine

JOB = JobInfo(
    id=3, pid=7, name="small", kind="pretrain", state="running", recipe={}, step=0, total=100,
    started=0.0, ended=None, metrics={"gradient": 1.0, "loss": 2.0},
)  # fmt: skip
FLOATS = st.floats(-1e9, 1e9, allow_subnormal=False)


class System:
    """A job that gets further each time somebody looks, and ends with its last step."""

    def __init__(self, *steps: int, since: int = 0, code: int = 0) -> None:
        self.learning = self.process = self
        self.jobs_seen = [replace(JOB, step=step, since=since) for step in steps]
        self.code = code
        self.over = asyncio.Event()
        self.signals: list[str] = []
        self.failures = 0

    async def jobs(self, limit: int) -> list[JobInfo]:
        return [replace(JOB, pid=6), await self.job(3)]

    async def job(self, id: int) -> JobInfo:
        if self.failures:
            self.failures -= 1
            raise DeviceError("the service is away")
        if len(self.jobs_seen) == 1:
            self.over.set()
            return self.jobs_seen[0]
        return self.jobs_seen.pop(0)

    async def curves(self, id: int, after: int, names: list[str]) -> list[Point]:
        assert names == ["loss"]
        return [Point(step=after + 1, time=0.0, name="loss", value=1.0)]

    async def logs(self, pid: int, follow: bool) -> AsyncIterator[LogLine]:
        yield LogLine(pid=pid, text="a word of the job")

    async def wait(self, pid: int) -> Exit:
        await self.over.wait()
        return Exit(pid=pid, code=self.code, reason="finished")

    async def signal(self, pid: int, name: str) -> None:
        self.signals.append(name)
        self.over.set()


def watch(system: System, as_json: bool = False, **patched: Any) -> tuple[Watch, Exit | None]:
    async def whole() -> tuple[Watch, Exit | None]:
        made = Watch(cast(OS, system), 7, as_json)
        for name, value in patched.items():
            setattr(made, name, value)
        return made, await made.run()

    return asyncio.run(whole())


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learn_watch, "INTERVAL", 0.0)


def test_into_a_pipe_a_job_is_a_line_for_each_tenth(capsys: pytest.CaptureFixture[str]) -> None:
    made, ended = watch(System(0, 4, 5, 11, 12, 100))
    said = capsys.readouterr()
    assert ended == Exit(pid=7, code=0, reason="finished") and made.job is not None
    assert said.out == "a word of the job\n"
    assert said.err.splitlines() == [
        "job 3 begins",
        "step 0/100  loss 2  gradient 1",
        "step 11/100  loss 2  gradient 1",
        "step 100/100  loss 2  gradient 1",
    ]


def test_job_says_from_which_step_it_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    watch(System(50, 100, since=40))
    assert capsys.readouterr().err.startswith("job 3 goes on from step 40\n")


def test_json_is_an_object_a_line_and_logs_are_beside_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    watch(System(1, 2), as_json=True)
    said = capsys.readouterr()
    lines = [json.loads(line) for line in said.out.splitlines()]
    assert {line["step"] for line in lines} == {1, 2} and said.err == "a word of the job\n"


def test_service_that_is_away_for_a_while_ends_no_watch() -> None:
    system = System(1, 2, 100)
    system.failures = 2
    made, ended = watch(system)
    assert ended is not None and made.job is not None and made.job.step == 100


def test_without_a_terminal_an_interrupt_stops_the_job_and_a_second_kills_it() -> None:
    system = System(1, 2)

    async def whole() -> None:
        made = Watch(cast(OS, system), 7, False)
        async with asyncio.TaskGroup() as tasks:
            made._interrupt(tasks)
            made._interrupt(tasks)
            made._interrupt(tasks)

    asyncio.run(whole())
    assert system.signals == ["TERM", "KILL", "KILL"]


def test_whoever_detaches_leaves_the_job_alone() -> None:
    system = System(*range(1000))
    left = asyncio.Event()
    left.set()
    _, ended = watch(system, _left=left)
    assert ended is None and system.signals == []


def test_job_files_that_are_none_start_nothing(tmp_path: Path, monkeypatch: Any) -> None:
    from click.testing import CliRunner

    from llmagentos.services.shell.commands import learn

    def never(*_: Any, **__: Any) -> int:
        raise AssertionError("nothing is to be started")

    monkeypatch.setattr(learn, "session", never)
    file = tmp_path / "job.toml"
    for text, said in (
        ("=", "job.toml"),
        ('name = "x"', 'runtime = "learn"'),
        ('runtime = "learn"\n[job]\nkind = "rl"', "aos learn rl"),
    ):
        file.write_text(text)
        ran = CliRunner().invoke(learn.learn, ["pretrain", str(file)])
        assert ran.exit_code == 1 and said in ran.output


def test_order_says_what_the_job_is_to_do(tmp_path: Path, monkeypatch: Any) -> None:
    from click.testing import CliRunner

    from llmagentos.services.shell.commands import learn

    orders: list[dict[str, Any]] = []

    async def spawn(**order: Any) -> int:
        orders.append(order)
        return 7

    system = SimpleNamespace(process=SimpleNamespace(spawn=spawn))
    monkeypatch.setattr(learn, "session", lambda work, start: asyncio.run(work(system)))
    file = tmp_path / "job.toml"
    file.write_text('runtime = "learn"\n[job]\nkind = "rl"')
    ran = CliRunner().invoke(learn.learn, ["rl", str(file), "-d", "--fresh", "--json"])
    assert json.loads(ran.output) == {"pid": 7}
    [order] = orders
    assert order["program"] == str(file) and order["arguments"] == ["--fresh"]


@given(st.lists(FLOATS, max_size=200), st.integers(1, 40))
def test_spark_is_one_line_of_bars(values: list[float], width: int) -> None:
    line = spark(values, width)
    assert len(line) == min(width, len(values)) and set(line) <= set("▁▂▃▄▅▆▇█")


def test_spark_rises_with_its_values() -> None:
    assert spark([0, 1, 2, 3, 4, 5, 6, 7], 8) == "▁▂▃▄▅▆▇█"
    assert spark([0, 0, 7, 7], 2) == "▁█" and spark([], 5) == ""


@given(
    st.lists(st.tuples(st.integers(0, 10**6), FLOATS), min_size=1, max_size=50),
    st.integers(1, 60),
    st.integers(1, 10),
)
def test_chart_has_the_size_that_was_asked_for(
    points: list[tuple[int, float]], width: int, height: int
) -> None:
    lines = chart(points, width, height)
    assert len(lines) == height and all(len(line) == width for line in lines)
    assert any(cell != "\u2800" for line in lines for cell in line)


def test_chart_draws_what_falls_from_the_upper_left_to_the_lower_right() -> None:
    assert chart([(0, 1.0), (3, 0.0)], 2, 1) == ["⠑⢄"]


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.0, "0"), (5.0, "5"), (0.12345, "0.1235"), (12345.6, "12,346"), (1e-5, "1.00e-05"),
     (-3.5, "-3.5"), (2e9, "2.00e+09")],
)  # fmt: skip
def test_numbers_have_four_digits_that_count(value: float, said: str) -> None:
    assert number(value) == said
