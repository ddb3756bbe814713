"""Knowledge on a booted daemon: from the command line, by an agent, and with what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from .conftest import House

REPORT = """# Harbour report

## Results

The harbour of Oslo earned 12.5 million more than in any year before.

## Ferries

| firm | ferries | electric |
|---|---|---|
| Fjord Line | 12 | true |
| Nordic Ferries | 7 | false |
"""
PAGE = (
    "<html><head><title>Wind</title></head><body><h1>Wind</h1><p>Turbines feed the pier.</p></body>"
)
TABLE = "city,country\nOslo,Norway\nTurku,Finland\n"
READER = """
async def main(os, task):
    told = await os.knowledge.tell([dict(subject="Ann", relation="works_at", object="Fjord Line")])
    before = [one.tainted for one in await os.process.ls() if one.name == "reader"]
    answers = await os.knowledge.ask("?who works_at ?firm . ?firm ferries ?n . ?n > 10")
    passages = await os.knowledge.search("harbour earned")
    after = [one.tainted for one in await os.process.ls() if one.name == "reader"]
    import json
    print(json.dumps([answers[0].values, passages[0].cite(), before, after]))
"""
#: A syscall, and arguments that it refuses.
WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("ingest", {"source": ""}, "EINVAL"),
    ("ingest", {"source": "/etc/passwd"}, "EINVAL|EPERM|ENOENT"),
    ("ingest", {"source": "nowhere.txt"}, "ENOENT|EINVAL"),
    ("ingest", {"source": "a.txt", "namespace": "theirs"}, "EINVAL"),
    ("documents", {"limit": 0}, "EINVAL"),
    ("remove", {"name": 5}, "EINVAL"),
    ("search", {"query": "x", "limit": 101}, "EINVAL"),
    ("search", {"query": "x", "method": "vectors"}, "ENOENT"),
    ("search", {"query": "x", "method": "magic"}, "EINVAL"),
    ("tell", {"claims": [{"subject": "a", "relation": "b"}]}, "EINVAL"),
    ("tell", {"claims": [{"subject": "a", "relation": "b", "object": [1]}]}, "EINVAL"),
    (
        "tell",
        {"claims": [{"subject": "a", "relation": "b", "object": "c", "since": "x"}]},
        "EINVAL",
    ),
    ("tell", {"claims": [{"subject": "a", "relation": "b", "object": "c"}] * 10_001}, "EINVAL"),
    ("retract", {"ids": ["x"]}, "EINVAL"),
    ("ask", {"pattern": "?a b"}, "EINVAL"),
    ("ask", {"pattern": " . ".join(["?a ?b ?c"] * 13)}, "E2BIG"),
    ("ask", {"pattern": "?a ?b ?c", "as_of": "soon"}, "EINVAL"),
    ("paths", {"start": "nobody", "end": "nothing"}, "ENOENT"),
    ("paths", {"start": "Oslo", "end": "Oslo", "most": 9}, "EINVAL"),
    ("neighbourhood", {"thing": "nobody"}, "ENOENT"),
    ("neighbourhood", {"thing": "Oslo", "depth": 5}, "EINVAL"),
    ("contradictions", {"limit": 1001}, "EINVAL"),
    ("load", {"format": "rdfxml", "text": "", "source": "x"}, "EINVAL"),
    ("load", {"format": "ntriples", "text": "no triple", "source": "x"}, "EINVAL"),
    ("load", {"format": "jsonld", "text": '{"@context": "http://x"}', "source": "x"}, "EINVAL"),
    ("dump", {"format": "csv"}, "EINVAL"),
    ("picture", {"thing": "nobody"}, "ENOENT"),
]
TRIES = """
async def main(os, task):
    import json
    from llmagentos.syscalls.errors import LLMAgentOSError
    said = []
    for name, arguments, _ in WRONG:
        try:
            await os.call(f"knowledge.{name}", arguments)
            said.append("none")
        except LLMAgentOSError as error:
            said.append(error.code)
    print(json.dumps([said, len(await os.knowledge.documents())]))
"""


@pytest.fixture(scope="module")
def made(make_house: Callable[..., House]) -> House:
    house = make_house(LLMAGENTOS_DRIVERS__INFERENCE__ENABLED="false")
    house.aos("start")
    return house


@pytest.fixture(scope="module")
def folder(made: House) -> Path:
    """Documents that were taken in, and one that cannot be read."""
    docs = made.state.parent / "docs"
    (docs / "more").mkdir(parents=True)
    (docs / "report.md").write_text(REPORT)
    (docs / "more/page.html").write_text(PAGE)
    (docs / "more/table.csv").write_text(TABLE)
    (docs / "broken.bin").write_bytes(b"\x00\x01garbage\xff" * 10)
    (docs / "empty.txt").touch()
    done = made.aos("knowledge", "ingest", "--json", str(docs), check=False)
    assert done.code == 1
    said = done.json()
    assert len(said["documents"]) == 3 and said["skipped"] == 1
    assert [one["name"] for one in said["failed"]] == [f"{docs}/broken.bin"]
    assert "broken.bin" in done.err
    return docs


def knows(house: House, *arguments: str) -> Any:
    return house.aos("knowledge", *arguments, "--json").json()


def test_folders_are_taken_in_again_without_work(made: House, folder: Path) -> None:
    again = made.aos("knowledge", "ingest", str(folder / "report.md"), str(folder / "more"))
    assert again.out.startswith("0 taken in, 3 unchanged, 0 skipped, 0 failed")
    (folder / "report.md").write_text(REPORT.replace("12.5", "13"))
    (one,) = knows(made, "ingest", str(folder / "report.md"))["documents"]
    assert (one["unchanged"], one["added"]) == (False, 1) and one["kept"] >= 1
    names = [one["name"] for one in knows(made, "ls")]
    assert names == sorted(names) and len(names) == 3
    shown = made.aos("knowledge", "search", "harbour earned").out
    assert "report.md, section Harbour report > Results" in shown and "13 million" in shown


def test_tables_become_facts_that_are_asked_for_and_walked(made: House, folder: Path) -> None:
    files = [str(folder / "more/table.csv")]
    assert knows(made, "ingest", "--extract", *files)["documents"][0]["document"]["facts"] == 2
    knows(made, "tell", "Fjord Line", "based_in", "Oslo", "--since", "2019", "--source", "cv.pdf")
    (answer,) = knows(made, "ask", "?firm based_in ?city . ?city country ?where")
    assert answer["values"] == {"firm": "Fjord Line", "city": "Oslo", "where": "Norway"}
    assert [fact["source"] for fact in answer["facts"]] == ["cv.pdf", files[0]]
    assert knows(made, "ask", "?firm based_in ?city", "--as-of", "2018") == []
    chain = made.aos("knowledge", "paths", "Norway", "fjord line").out
    assert chain == "Norway <-country- Oslo <-based_in- Fjord Line\n"
    assert "Fjord Line  based_in  Oslo" in made.aos("knowledge", "show", "oslo").out
    knows(made, "tell", "Oslo", "country", "Sweden", "--source", "a joke")
    knows(made, "tell", "country", "is", "functional")
    (clash,) = knows(made, "contradictions")
    assert {fact["object"] for fact in clash["facts"]} == {"Norway", "Sweden"}
    wrong = next(fact["id"] for fact in clash["facts"] if fact["object"] == "Sweden")
    assert knows(made, "retract", str(wrong)) == {"retracted": 1}
    assert knows(made, "contradictions") == []


def test_facts_leave_and_come_back_and_are_drawn(made: House, folder: Path) -> None:
    path = made.state.parent
    knows(made, "tell", "Turku", "twin_of", "Gothenburg")
    made.aos("knowledge", "dump", "-o", str(path / "all.nt"))
    text = (path / "all.nt").read_text()
    assert "<urn:llmagentos:Turku> <urn:llmagentos:twin_of>" in text
    assert knows(made, "load", str(path / "all.nt"))["new"] == knows(
        made, "dump", "--format", "ntriples"
    )["text"].count("#Statement") - text.count("#Statement")
    made.aos("knowledge", "dump", "--format", "graphml", "-o", str(path / "all.xml"))
    assert ElementTree.parse(path / "all.xml").getroot().tag.endswith("graphml")
    made.aos("knowledge", "picture", "turku", "-o", str(path / "turku.svg"))
    drawn = ElementTree.parse(path / "turku.svg").getroot()
    assert "Gothenburg" in [one.text for one in drawn.iter()]
    (path / "people.json").write_text('{"@id": "Ann", "@type": "person", "age": 41}')
    assert knows(made, "load", str(path / "people.json")) == {"new": 2}
    refused = made.aos("knowledge", "load", str(path / "turku.svg"), check=False)
    assert refused.code == 2 and "--format" in refused.err


def test_an_agent_is_tainted_by_what_strangers_say_alone(made: House, folder: Path) -> None:
    made.aos(
        "knowledge",
        "load",
        "--source",
        "me",
        made.program("f.csv", "firm,ferries\nFjord Line,12\n"),
    )
    values, cited, before, after = made.aos(
        "run", "--name", "reader", made.program("reads.py", READER)
    ).json()
    assert values == {"who": "Ann", "firm": "Fjord Line", "n": 12}
    assert cited.endswith("report.md, section Harbour report > Results, line 5")
    assert before == [[]] and after == [[str(folder / "report.md")]]


def test_what_is_wrong_is_refused_by_its_code_and_changes_nothing(made: House) -> None:
    before = len(knows(made, "ls"))
    program = made.program("tries.py", f"WRONG = {WRONG!r}\n{TRIES}")
    (said, documents) = made.aos("run", program).json()
    assert documents == before
    for (name, arguments, codes), code in zip(WRONG, said, strict=True):
        assert code in codes.split("|"), (name, str(arguments)[:200], code)


def test_a_document_is_forgotten_whole(made: House, folder: Path) -> None:
    name = str(folder / "more/table.csv")
    assert knows(made, "rm", name) == {"removed": [name]}
    assert knows(made, "search", "finland") == []
    assert name not in [one["name"] for one in knows(made, "ls")]
    again = made.aos("knowledge", "rm", name, check=False)
    assert again.code == 1 and "ENOENT" in again.err
