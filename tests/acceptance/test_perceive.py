"""What agents and people perceive, through a real daemon and its sandboxed workers."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from ..drivers.perception import documents
from .conftest import House
from .test_http import Http

#: Perceives what its folder holds, one after the other, and prints what becomes of each.
READER = """
import json, time
from pathlib import Path
from llmagentos.syscalls.errors import LLMAgentOSError

async def main(os, task):
    for source in json.loads(task):
        start = time.monotonic()
        try:
            found = await os.perception.perceive(source)
            outcome = "cut" if found.truncated else "whole"
        except LLMAgentOSError as error:
            outcome = error.code
        print(source, outcome, round(time.monotonic() - start, 1), flush=True)
"""


@pytest.fixture(scope="module")
def own(make_house: Callable[..., House]) -> House:
    made = make_house(
        LLMAGENTOS_DRIVERS__INFERENCE__ENABLED="false",
        LLMAGENTOS_DRIVERS__TOOLS__SETTINGS__HTTP='{"allow": ["127.0.0.1"], "private": true}',
    )
    made.aos("start")
    made.when_ready()
    return made


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A person's documents."""
    folder = tmp_path_factory.mktemp("documents")
    for name, data in SOUND_ONES.items():
        (folder / name).write_bytes(data)
    return folder


SOUND_ONES: dict[str, bytes] = {
    "report.pdf": documents.pdf(["Spending fell.", "Income rose."]),
    "minutes.docx": documents.docx(),
    "prices.csv": "item;price\npaper;40\n".encode("utf-16"),
    "page.html": b"<html><title>News</title><body><main><h1>Storm</h1><p>It rained.</main>",
    "photo.jpg": documents.image("JPEG"),
    "tone.wav": documents.sound((0.3, 0), (0.5, 0.3), (0.3, 0)),
    "state.json": b'{"people": [{"name": "Ada"}]}',
}


def hostile() -> dict[str, tuple[bytes, set[str]]]:
    """Sources that mean harm, and what may become of each."""
    deep = b"<html><body>" + b"<div>" * 100_000
    return {
        "bomb.docx": (documents.zip_bomb(), {"E2BIG"}),
        "laughs.docx": (documents.laughs(), {"EINVAL"}),
        "pages.pdf": (documents.pdf(["x"], kids=b"5 0 R " * 100_000), {"cut"}),
        "circle.pdf": (documents.pdf(["x"], kids=b"2 0 R"), {"EINVAL"}),
        "huge.png": (documents.huge_image(), {"E2BIG"}),
        "broken.jpg": (documents.image("JPEG", size=(200, 200))[:600], {"EINVAL"}),
        "picture.pdf": (documents.image("PNG"), {"whole"}),
        "deep.json": (b"[" * 1_000_000, {"EINVAL"}),
        "deep.html": (deep, {"E2BIG"}),
        "wide.csv": (b",".join([b"c"] * 10**6) + b"\n", {"cut"}),
        "noise.bin": (bytes(range(256)) * 50, {"EINVAL"}),
        "large.txt": (b"x" * (15 * 2**20 + 1), {"E2BIG"}),
    }


def home(house: House, name: str) -> Path:
    """The folder of the agents of one name."""
    (principal,) = (house.state / "home").iterdir()
    folder = principal / name
    folder.mkdir(exist_ok=True, mode=0o700)
    return folder


def outcomes(text: str) -> dict[str, tuple[str, float]]:
    lines = [line.split() for line in text.splitlines() if line]
    return {name: (outcome, float(seconds)) for name, outcome, seconds in lines}


def read(house: House, name: str, sources: list[str], *flags: str) -> str:
    program = house.program(f"{name}.py", READER)
    return house.aos(
        "run", "--quiet", *flags, "--name", name, program, "--task", json.dumps(sources),
        timeout=180,
    ).out  # fmt: skip


def workers(house: House) -> list[Any]:
    processes = house.aos("ps", "--all", "--json").json()
    return [one for one in processes if one["kind"] == "worker" and one["state"] != "zombie"]


def held(house: House) -> Any:
    """Stop a worker that reads, and return it; None where it was through by then."""
    for one in workers(house):
        if not one["waiting_for"]:
            os.kill(one["os_pid"], signal.SIGSTOP)
            if one["pid"] in {still["pid"] for still in workers(house) if not still["waiting_for"]}:
                return one
            os.kill(one["os_pid"], signal.SIGCONT)
    return None


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("report.pdf", ["Report", "page 1", "Spending fell.", "page 2", "Income rose."]),
        ("minutes.docx", ["Minutes", "Budget", "We spend less.", "Budget > Costs", "paper  40"]),
        ("prices.csv", ["text/csv", "item   price", "paper  40"]),
        ("page.html", ["News", "Storm", "It rained."]),
        ("photo.jpg", ["image/jpeg", "width 32", "height 20"]),
        ("tone.wav", ["audio/wav", "16000 Hz", "segments 1"]),
        ("state.json", ["people", "Ada"]),
    ],
)
def test_person_sees_what_an_agent_sees(
    own: House, folder: Path, name: str, said: list[str]
) -> None:
    shown = own.aos("perceive", str(folder / name))
    at = 0
    for part in said:
        assert part in shown.out[at:], shown.out
        at = shown.out.index(part, at)


def test_what_cannot_be_seen_is_named_beside_the_rest(own: House, folder: Path) -> None:
    shown = own.aos("perceive", str(folder / "photo.jpg"))
    assert "missing: what images show: name a model" in shown.err
    found = own.aos("perceive", "--json", str(folder / "photo.jpg")).json()
    assert any("captioner" in one for one in found["missing"])
    assert found["media"] == "image/jpeg" and len(found["digest"]) == 64


def test_text_of_a_stranger_does_not_steer_the_terminal(own: House, tmp_path: Path) -> None:
    (tmp_path / "evil.csv").write_text("na\x1b[2Jme,b\nx\x07\x1b]0;title\x07,\x9bc" + " word" * 200)
    (tmp_path / "evil.md").write_text("# a\x1b[2J\n\nb\x1bc" + " word" * 200)
    for name in ("evil.csv", "evil.md"):
        shown = own.aos("perceive", str(tmp_path / name)).out
        assert not set(shown) & set(map(chr, {*range(32), *range(127, 160)} - {9, 10}))


def test_standard_input_is_perceived(own: House) -> None:
    command = [sys.executable, "-c", "from llmagentos.services.shell.main import main; main()"]
    ran = subprocess.run(
        [*command, "perceive", "--json", "-"],
        input=b"a,b,c\n1,2,3\n4,5,6\n",
        capture_output=True,
        env=own.environment,
        timeout=60,
        check=True,
    )
    found = json.loads(ran.stdout)
    assert found["media"] == "text/csv"
    assert found["observations"][0]["rows"] == [["a", "b", "c"], ["1", "2", "3"], ["4", "5", "6"]]


def test_every_sense_is_listed_with_what_it_needs(own: House) -> None:
    found = {one["name"]: one for one in own.aos("perceive", "--senses", "--json").json()}
    assert found["pdf"]["available"] and not found["speech"]["available"]
    assert "transcriber" in found["speech"]["needs"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ((), 2),
        (("/nowhere/at/all",), 1),
        (("--media", "video/mp4", __file__), 1),
        (("--limit", "0", __file__), 2),
    ],
)
def test_bad_order_is_one_line(own: House, arguments: tuple[str, ...], code: int) -> None:
    refused = own.aos("perceive", *arguments, check=False)
    assert refused.code == code and refused.out == ""


def test_reading_is_done_in_a_sandbox_without_rights(own: House, folder: Path) -> None:
    own.aos("perceive", str(folder / "report.pdf"))
    (worker, *_) = workers(own)
    assert worker["capabilities"] == ["ipc.send", "ipc.recv"]
    assert set(worker["sandbox"].values()) <= {"enforced", "unavailable"}
    assert own.aos("ps", "--json").json() == []


def test_bytes_come_as_base64_over_http(own: House) -> None:
    http = Http(own.when_ready()["url"], own.aos("token", "create", "perceiving").out.strip())
    data = base64.b64encode(SOUND_ONES["report.pdf"]).decode()
    status, answer = http.post("perception.perceive", {"source": "report.pdf", "data": data})
    assert status == 200
    assert answer["result"]["observations"][1]["text"] == "Income rose."
    status, problem = http.post("perception.perceive", {"source": "a", "data": "%%%"})
    assert status == 422 and "base64" in problem["detail"]


def test_agent_perceives_its_own_files_and_no_others(own: House, folder: Path) -> None:
    own.aos("run", "--quiet", own.program("hello.py", "def main(os):\n    pass\n"))
    place = home(own, "curious")
    (place / "prices.csv").write_bytes(SOUND_ONES["prices.csv"])
    (place / "link.pdf").symlink_to(folder / "report.pdf")
    sources = ["prices.csv", "link.pdf", "../hello/x", str(folder / "report.pdf"), "none.txt"]
    said = outcomes(read(own, "curious", sources))
    assert [said[one][0] for one in sources] == ["whole", "EPERM", "EPERM", "EPERM", "ENOENT"]
    (process,) = [one for one in own.aos("ps", "-a", "--json").json() if one["name"] == "curious"]
    assert "prices.csv" in " ".join(process["tainted"])


@pytest.mark.slow
def test_hostile_sources_end_in_their_bounds_while_others_are_read(own: House) -> None:
    own.aos("run", "--quiet", own.program("hello.py", "def main(os):\n    pass\n"))
    bad = hostile()
    for name, (data, _) in bad.items():
        (home(own, "hostile") / name).write_bytes(data)
    for name, data in SOUND_ONES.items():
        (home(own, "honest") / name).write_bytes(data)
    results: dict[str, str] = {}
    harm = threading.Thread(
        target=lambda: results.update(hostile=read(own, "hostile", [*bad, *bad]))
    )
    harm.start()
    said = outcomes(read(own, "honest", [*SOUND_ONES, *SOUND_ONES]))
    harm.join()
    assert {one[0] for one in said.values()} == {"whole"} and len(said) == len(SOUND_ONES)
    harmed = outcomes(results["hostile"])
    assert {
        name: outcome for name, (outcome, _) in harmed.items() if outcome not in bad[name][1]
    } == {}
    assert max(seconds for _, seconds in harmed.values()) < 60
    assert len(workers(own)) <= 2


def test_worker_that_is_killed_fails_its_own_source_alone(own: House) -> None:
    own.aos("run", "--quiet", own.program("hello.py", "def main(os):\n    pass\n"))
    (home(own, "slow") / "slow.json").write_bytes(b"[" + b"[1,[2]]," * 1_500_000 + b"1]")
    (home(own, "slow") / "quick.txt").write_bytes(b"hello")
    results: dict[str, str] = {}
    reading = threading.Thread(
        target=lambda: results.update(slow=read(own, "slow", ["slow.json", "quick.txt"]))
    )
    reading.start()
    try:
        while not (busy := held(own)):
            assert reading.is_alive(), results
        os.kill(busy["os_pid"], signal.SIGKILL)
    finally:
        reading.join()
    said = outcomes(results["slow"])
    assert said["slow.json"][0] == "EDEVICE" and said["quick.txt"][0] == "whole"
    assert busy["pid"] not in {one["pid"] for one in workers(own)}


def test_driver_that_dies_takes_its_workers_along_and_comes_back(own: House, folder: Path) -> None:
    own.aos("perceive", str(folder / "report.pdf"))
    before = {one["pid"] for one in workers(own)}
    processes = own.aos("ps", "--all", "--json").json()
    (driver,) = [one for one in processes if (one["kind"], one["name"]) == ("driver", "perception")]
    os.kill(driver["os_pid"], signal.SIGKILL)
    assert "Income rose." in own.aos("perceive", str(folder / "report.pdf")).out
    assert before and not before & {one["pid"] for one in workers(own)}


class Site(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        source = SOUND_ONES.get(self.path.removeprefix("/"))
        self.send_response(200 if source else 404)
        self.send_header("Content-Type", "application/octet-stream")
        self.end_headers()
        self.wfile.write(source or b"nothing")

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_url_is_perceived_only_where_it_may_be_fetched(own: House, site: str) -> None:
    page = f"{site}/page.html"
    found = own.aos("perceive", "--json", page).json()
    assert "It rained." in json.dumps(found["observations"])
    found = own.aos("perceive", "--json", f"{site}/report.pdf").json()
    assert found["media"] == "application/pdf" and "Income rose." in json.dumps(found)
    assert "ENOENT" in own.aos("perceive", f"{site}/none", check=False).err
    refused = own.aos("perceive", "http://example.org/", check=False)
    assert refused.code == 1 and "is not allowed" in refused.err
    flags = ("--cap", "perception.*", "--cap", "tool.call:calculator")
    said = outcomes(read(own, "offline", [page], *flags))
    assert said[page][0] == "EPERM"
