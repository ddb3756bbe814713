"""The driver: what it hands to a worker, and what it makes of the answer."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from llmagentos.drivers.perception import bounds, sources
from llmagentos.drivers.perception.driver import PerceptionDriver
from llmagentos.drivers.perception.settings import read
from llmagentos.syscalls.errors import (
    DeadlineExceeded,
    DeviceError,
    InvalidArgument,
    NotFound,
    TooBig,
)
from llmagentos.syscalls.host import Host
from llmagentos.syscalls.os import OS
from llmagentos.syscalls.perception import Observation
from llmagentos.syscalls.server import Caller, serving

PIECE = {"kind": "image", "text": "PNG image", "place": {}, "rows": None, "data": {"reads": "EXIT"}}
FOUND: dict[str, Any] = {
    "media": "image/png", "title": None, "observations": [PIECE], "about": {}, "missing": [],
    "truncated": False, "views": {},
}  # fmt: skip


class Readers:
    """In the pool's place: answers with what it was made with."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.orders: list[dict[str, Any]] = []

    async def read(self, caller: int, principal: str, order: dict[str, Any]) -> Any:
        self.orders.append(order)
        if self.answer is None:
            await asyncio.Event().wait()
        return self.answer

    def close(self) -> None:
        pass


Scene = Callable[[PerceptionDriver, Readers], Awaitable[None]]
Play = Callable[..., None]


@pytest.fixture
def play(tmp_path: Path) -> Play:
    """Run a scene with a driver, for a process of ada's that has a folder of its own."""

    def run(scene: Scene, answer: Any = FOUND, deadline: float = 60.0, **config: Any) -> None:
        async def inspect(pid: int) -> SimpleNamespace:
            return SimpleNamespace(home=str(tmp_path) if pid == 1 else None)

        system = SimpleNamespace(process=SimpleNamespace(inspect=inspect))

        async def whole() -> None:
            async with asyncio.TaskGroup() as tasks:
                driver, readers = PerceptionDriver(), Readers(answer)
                await driver.setup(
                    Host(os=cast(OS, system), state=tmp_path, config=config, tasks=tasks,
                         homes=tmp_path / "homes")
                )  # fmt: skip
                driver._pool = cast(Any, readers)
                with serving(Caller(pid=1, principal="ada", call=1, deadline=deadline)):
                    await scene(driver, readers)
                await driver.teardown()

        asyncio.run(whole())

    return run


def test_driver_loads_no_library_that_reads_documents() -> None:
    program = (
        "import sys, llmagentos.drivers.perception.driver\n"
        "heavy = {'torch', 'transformers', 'numpy', 'PIL', 'pypdf', 'docx', 'lxml', 'selectolax',"
        " 'puremagic', 'charset_normalizer', 'soundfile'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ran.stdout == "[]\n", ran.stdout + ran.stderr


def test_bytes_are_read_under_their_name(play: Play) -> None:
    async def scene(driver: PerceptionDriver, readers: Readers) -> None:
        found = await driver.perceive("a.png", b"data", "image/png", 500)
        (order,) = readers.orders
        assert (order["name"], order["data"], order["limit"]) == ("a.png", b"data", 500)
        assert order["media"] == "image/png" and not order["caption"]
        assert found.digest == sha256(b"data").hexdigest() and found.size == 4
        assert isinstance(found.observations[0], Observation)
        assert found.missing == [
            "what images show: name a model in [drivers.perception.settings] captioner"
        ]

    play(scene)


def test_file_of_the_callers_folder_is_read(play: Play, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"mine")
    (tmp_path / "homes" / "ada" / "session").mkdir(parents=True)
    (tmp_path / "homes" / "ada" / "session" / "b.txt").write_bytes(b"a session's")

    async def scene(driver: PerceptionDriver, readers: Readers) -> None:
        assert (await driver.perceive("a.txt")).size == 4
        with serving(Caller(pid=2, principal="ada", call=2)):
            assert (await driver.perceive("b.txt")).size == 11
            with pytest.raises(NotFound):
                await driver.perceive("a.txt")

    play(scene)


def test_source_past_the_bounds_is_refused_unread(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "SOURCE", 3)

    async def scene(driver: PerceptionDriver, readers: Readers) -> None:
        with pytest.raises(TooBig):
            await driver.perceive("a", b"1234")
        assert readers.orders == []

    play(scene)


def test_reading_ends_before_the_callers_deadline(play: Play) -> None:
    async def scene(driver: PerceptionDriver, readers: Readers) -> None:
        with pytest.raises(DeadlineExceeded, match=r"within 0\.5 s"):
            await driver.perceive("a", b"1234")

    play(scene, answer=None, deadline=1.2)


@pytest.mark.parametrize(
    "answer",
    [
        {},
        FOUND | {"observations": [{"kind": "nonsense", "text": "a"}]},
        FOUND | {"observations": [PIECE | {"place": {"page": "x"}}]},
        FOUND | {"views": {"a": 1}},
        FOUND | {"missing": None},
    ],
)
def test_bent_answer_is_a_device_error(play: Play, answer: Any) -> None:
    async def scene(driver: PerceptionDriver, readers: Readers) -> None:
        with pytest.raises(DeviceError):
            await driver.perceive("a", b"1234")

    play(scene, answer=answer)


def test_what_models_say_stands_with_what_was_read(play: Play) -> None:
    sound = {"kind": "audio", "text": "sound, -20 dB"}
    views = {0: {"kind": "image"}, 1: {"kind": "audio"}, 2: {"kind": "audio"}, 9: {}}
    answer = FOUND | {"observations": [PIECE, sound, sound], "views": views}

    said = [("a door", None), ("hello", None), ("", "what is said: it broke down")]

    class Says:
        async def describe(self, view: dict[str, Any]) -> tuple[str, str | None]:
            return said.pop(0)

        async def close(self) -> None:
            pass

    async def scene(driver: PerceptionDriver, readers: Readers) -> None:
        driver._describer = cast(Any, Says())
        found = await driver.perceive("a", b"1234")
        assert readers.orders[0]["caption"] and readers.orders[0]["transcript"]
        assert [one.text for one in found.observations] == [
            "a door\nEXIT", "hello", "sound, -20 dB",
        ]  # fmt: skip
        assert found.observations[0].data["caption"] == "a door"
        assert found.missing == ["what is said: it broke down"]

    play(scene, answer=answer, captioner="x", transcriber="y")


def test_every_sense_says_what_it_needs(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)

    async def scene(driver: PerceptionDriver, readers: Readers) -> None:
        found = {one.name: one for one in await driver.senses()}
        assert found["captions"].available and found["captions"].needs is None
        assert not found["speech"].available and "transcriber" in (found["speech"].needs or "")
        assert found["text in images"].needs == "install tesseract"
        assert {"text", "markdown", "html", "pdf", "docx", "csv", "json", "toml", "image",
                "audio"} <= {name for name, one in found.items() if one.available}  # fmt: skip

    play(scene, captioner="somewhere")


@pytest.mark.parametrize(
    "config",
    [{"workers": 0}, {"seconds": -1}, {"memory": 1}, {"captioner": 3}, {"nonsense": True}],
)
def test_wrong_setting_is_refused_by_its_name(config: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument, match=f"settings.{next(iter(config))}"):
        read(config)


def test_answer_fits_into_a_letter() -> None:
    assert max(bounds.SOURCE, bounds.ANSWER) < 16 * 2**20
