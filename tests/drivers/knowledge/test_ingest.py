"""Taking documents in: again is nothing, changed is little, failed is nothing at all."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from llmagentos.drivers.knowledge import extraction, ingestion
from llmagentos.syscalls.errors import InvalidArgument, NotFound, QuotaExceeded
from llmagentos.syscalls.server import serving

from .conftest import BOB, Play

REPORT = b"""# Results

The harbour earned more than in any year before.

# Outlook

Ferries will be electric by 2030.

| firm | ferries | electric |
| Fjord Line | 12 | true |
| Nordic | 7 | false |"""


def test_a_document_becomes_passages_that_are_found_with_their_place(play: Play) -> None:
    async def scene(knowledge: Any, system: Any) -> None:
        done = await knowledge.ingest("report.txt", REPORT)
        assert (done.unchanged, done.added, done.kept) == (False, 3, 0)
        assert (done.document.passages, done.document.facts) == (3, 4)
        assert system.behalf == [11]
        (hit,) = await knowledge.search("earned harbour")
        assert hit.cite() == "report.txt, section Results, line 2" and hit.untrusted
        assert (await knowledge.search("results"))[0].place.section == "Results"
        (cell,) = await knowledge.search("nordic")
        assert cell.text.startswith("firm | ferries | electric")
        assert await knowledge.search("nothing such") == []

    play(scene)


def test_the_same_bytes_again_are_not_even_looked_at(play: Play) -> None:
    async def scene(knowledge: Any, system: Any) -> None:
        first = await knowledge.ingest("report.txt", REPORT)
        again = await knowledge.ingest("report.txt", REPORT)
        assert (again.unchanged, again.added, again.kept) == (True, 0, 3)
        assert again.document == first.document and system.perceived == ["report.txt"]
        other = await knowledge.ingest("report.txt", REPORT, media="text/markdown")
        assert not other.unchanged and (other.added, other.kept) == (0, 3)

    play(scene)


def test_of_a_new_version_what_stands_is_kept_with_its_vectors_and_facts(play: Play) -> None:
    async def scene(knowledge: Any, system: Any) -> None:
        system.embed = lambda text: [1.0, float(len(text))]
        system.write = lambda text: json.dumps(
            {"facts": [{"subject": text.split()[-1], "relation": "stands in", "object": "t"}]}
        )
        await knowledge.ingest("n.txt", b"one first\n\n# S\n\ntwo second", extract=True)
        assert (len(system.embedded), len(system.asked)) == (2, 2)
        done = await knowledge.ingest("n.txt", b"one first\n\n# S\n\ntwo third", extract=True)
        assert (done.added, done.kept, done.document.passages) == (1, 1, 2)
        assert (len(system.embedded), len(system.asked)) == (3, 3)
        subjects = {a.values["s"] for a in await knowledge.ask("?s stands_in ?")}
        assert subjects == {"first", "third"}
        assert await knowledge.search("second", method="words") == []
        assert len(await knowledge.search("third", method="vectors")) == 2

    play(scene)


def test_a_fact_that_two_passages_state_stays_as_long_as_one_does(play: Play) -> None:
    async def scene(knowledge: Any, system: Any) -> None:
        system.write = lambda text: json.dumps(
            {"facts": [{"subject": "Ann", "relation": "knows", "object": "Bo"}]}
        )
        first = b"# A\n\nfirst, Ann and Bo\n\n# B\n\nsecond, Bo and Ann"
        await knowledge.ingest("n.txt", first, extract=True)
        done = await knowledge.ingest("n.txt", first[first.index(b"# B") :], extract=True)
        assert done.document.facts == 1
        (answer,) = await knowledge.ask("Ann knows ?who")
        assert str(answer.facts[0].place) == "section B, line 2"
        await knowledge.ingest("n.txt", b"# C\n\nthird, Ann and Bo")
        assert await knowledge.ask("Ann knows ?who") == []

    play(scene)


def test_a_tables_cells_become_facts_by_rule(play: Play) -> None:
    async def scene(knowledge: Any, system: Any) -> None:
        done = await knowledge.ingest("report.txt", REPORT, extract=True)
        assert done.document.facts == 4 and len(system.asked) == 2
        (answer,) = await knowledge.ask("?firm electric true . ?firm ferries ?n")
        assert answer.values == {"firm": "Fjord Line", "n": 12}
        (fact, _) = answer.facts
        assert (fact.source, fact.untrusted, fact.place.row) == ("report.txt", True, 1)
        assert (await knowledge.ask("Nordic ferries ?n"))[0].facts[0].place.row == 2

    play(scene)


@pytest.mark.parametrize(
    "written",
    ["", "no JSON", "[]", '{"facts": 5}', '{"facts": [5]}', '{"facts": [{"subject": "a"}]}',
     '{"facts": [{"subject": "a", "relation": "b", "obj'],
)  # fmt: skip
def test_what_the_model_writes_badly_is_dropped_and_counted(play: Play, written: str) -> None:
    async def scene(knowledge: Any, system: Any) -> None:
        system.write = lambda text: written
        done = await knowledge.ingest("n.txt", b"# A\n\nfirst\n\n# B\n\nsecond", extract=True)
        assert done.document.facts == 0
        assert done.document.missing == [
            "facts of 2 passages: what the model wrote of them is none"
        ]

    play(scene)


def test_a_fact_that_cannot_be_is_dropped_and_the_others_stay(play: Play) -> None:
    async def scene(knowledge: Any, system: Any) -> None:
        facts = [
            {"subject": " ", "relation": "is", "object": "nothing"},
            {"subject": "a", "relation": "ends", "object": "b", "since": "2020", "until": "2019"},
            {"subject": "Ann", "relation": "born on", "object": "1990-05-01"},
            {"subject": "Ann", "relation": "hates", "object": "Zoe"},
            {"subject": "Zoe", "relation": "hates", "object": "Ann"},
        ]
        system.write = lambda text: json.dumps({"facts": facts})
        text = b"a and b: ANN was born on 1990-05-01"
        done = await knowledge.ingest("n.txt", text, extract=True)
        assert done.document.facts == 1 and done.document.missing == []
        (answer,) = await knowledge.ask("?who born_on ?day . ?day < '2000'")
        assert not answer.facts[0].thing

    play(scene)


def test_a_model_that_writes_nothing_of_use_is_not_asked_on(play: Play) -> None:
    async def scene(knowledge: Any, system: Any) -> None:
        system.write = lambda text: '{"facts": [{"subject": "x", "relation": "y", "object": "z"}]}'
        text = "\n\n".join(f"# S{n}\n\npart {n}" for n in range(30))
        done = await knowledge.ingest("n.txt", text.encode(), extract=True)
        assert len(system.asked) <= extraction.PATIENCE + extraction.AT_ONCE
        assert done.document.missing[0].startswith("facts of 30 passages")
        assert (await knowledge.ingest("n.txt", text.encode(), extract=True)).unchanged
        system.write = lambda text: "bad" if "7" in text else '{"facts": []}'
        system.asked.clear()
        await knowledge.ingest("m.txt", text.encode(), extract=True)
        assert len(system.asked) == 30

    play(scene)


def test_extraction_asked_for_later_is_done_then(play: Play) -> None:
    async def scene(knowledge: Any, system: Any) -> None:
        await knowledge.ingest("report.txt", REPORT)
        later = await knowledge.ingest("report.txt", REPORT, extract=True)
        assert not later.unchanged and later.kept == 3 and later.document.facts == 4
        assert (await knowledge.ingest("report.txt", REPORT, extract=True)).unchanged
        plain = await knowledge.ingest("report.txt", REPORT)
        assert plain.unchanged and plain.document.facts == 4

    play(scene)


Breakage = Callable[[Any], None]


def _perception(system: Any) -> None:
    system.error = InvalidArgument("damaged")


def _model(system: Any) -> None:
    def refuse(text: str) -> str:
        raise QuotaExceeded("no tokens left")

    system.write = refuse


@pytest.mark.parametrize("broken", [_perception, _model])
def test_where_a_part_fails_nothing_changes(play: Play, broken: Breakage) -> None:
    async def scene(knowledge: Any, system: Any) -> None:
        await knowledge.ingest("n.txt", b"first")
        before = await knowledge.documents()
        broken(system)
        with pytest.raises((InvalidArgument, QuotaExceeded)):
            await knowledge.ingest("n.txt", b"second\n\n# S\n\nthird", extract=True)
        assert await knowledge.documents() == before
        assert len(await knowledge.search("first")) == 1
        assert await knowledge.search("second") == []

    play(scene)


def test_a_write_that_breaks_off_leaves_the_version_before(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene(knowledge: Any, system: Any) -> None:
        await knowledge.ingest("n.txt", b"first\n\n# S\n\nkept")
        before = await knowledge.documents()

        def fail(*_: Any) -> None:
            raise OSError("the disk is gone")

        monkeypatch.setattr(knowledge._shelf, "add", fail)
        with pytest.raises(Exception, match="the disk is gone"):
            await knowledge.ingest("n.txt", b"second\n\n# S\n\nkept", extract=True)
        assert await knowledge.documents() == before
        assert len(await knowledge.search("first")) == 1

    play(scene)


def test_one_document_taken_in_twice_at_once_is_done_once(play: Play) -> None:
    async def scene(knowledge: Any, system: Any) -> None:
        both = await asyncio.gather(*(knowledge.ingest("n.txt", REPORT) for _ in range(5)))
        assert sorted(one.unchanged for one in both) == [False, True, True, True, True]
        assert system.perceived == ["n.txt"]

    play(scene)


def test_a_document_that_is_removed_while_it_is_taken_in_comes_back_whole(play: Play) -> None:
    async def scene(knowledge: Any, system: Any) -> None:
        await knowledge.ingest("n.txt", b"first\n\n# S\n\nsecond", extract=True)
        chat = system.model.chat

        async def removing(*args: Any, **kwargs: Any) -> Any:
            await knowledge.remove("n.txt")
            return await chat(*args, **kwargs)

        system.model.chat = removing
        done = await knowledge.ingest("n.txt", b"other\n\n# S\n\nsecond", extract=True)
        assert (done.added, done.kept, done.document.passages) == (2, 0, 2)
        assert len(await knowledge.search("second")) == 1

    play(scene)


def test_a_removed_document_leaves_nothing(play: Play) -> None:
    async def scene(knowledge: Any, system: Any) -> None:
        await knowledge.ingest("report.txt", REPORT, extract=True)
        await knowledge.tell([{"subject": "Nordic", "relation": "told", "object": "by hand"}])
        assert await knowledge.remove("report.txt") and not await knowledge.remove("report.txt")
        assert await knowledge.documents() == [] and await knowledge.search("harbour") == []
        assert len(await knowledge.ask("?s ?r ?o")) == 1
        names = await knowledge._do(
            lambda: knowledge._base.rows("SELECT value FROM term ORDER BY id")
        )
        assert ("Fjord Line",) not in names and ("Nordic",) in names

    play(scene)


def test_documents_of_others_are_not_seen(play: Play) -> None:
    async def scene(knowledge: Any, system: Any) -> None:
        await knowledge.ingest("n.txt", b"a secret", namespace="own")
        assert await knowledge.documents() == []
        assert len(await knowledge.search("secret", "own")) == 1
        with serving(BOB):
            assert await knowledge.documents("own") == []
            assert await knowledge.search("secret") == []
            assert not await knowledge.remove("n.txt", "own")

    play(scene)


def test_without_a_model_for_sentences_words_serve_and_vectors_are_refused(play: Play) -> None:
    async def scene(knowledge: Any, system: Any) -> None:
        await knowledge.ingest("n.txt", b"the harbour")
        assert len(await knowledge.search("harbour", method="fused")) == 1
        with pytest.raises(NotFound, match="no model for sentences"):
            await knowledge.search("harbour", method="vectors")

    play(scene)


def test_passages_past_the_first_are_embedded_beside_the_calls(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingestion, "EMBEDDED", 1)

    async def scene(knowledge: Any, system: Any) -> None:
        seen = asyncio.Event()

        def embed(text: str) -> list[float]:
            if "last" in text:
                seen.set()
            return [1.0, 0.5]

        system.embed = embed
        await knowledge.ingest("n.txt", b"first\n\n# S\n\nsecond\n\n# T\n\nlast")
        await asyncio.wait_for(seen.wait(), 60)

    play(scene)


def test_a_documents_facts_have_a_bound(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingestion, "FACTS", 3)

    async def scene(knowledge: Any, system: Any) -> None:
        done = await knowledge.ingest("report.txt", REPORT, extract=True)
        assert done.document.facts == 3
        assert done.document.missing == ["facts after the first 3"]

    play(scene)


def test_the_model_reads_few_passages_at_once(play: Play) -> None:
    reading = most = 0

    async def scene(knowledge: Any, system: Any) -> None:
        chat: Callable[..., Awaitable[Any]] = system.model.chat

        async def counted(*args: Any, **kwargs: Any) -> Any:
            nonlocal reading, most
            reading += 1
            most = max(most, reading)
            await asyncio.sleep(0)
            reading -= 1
            return await chat(*args, **kwargs)

        system.model.chat = counted
        text = "\n\n".join(f"# S{n}\n\ntext {n}" for n in range(20))
        await knowledge.ingest("n.txt", text.encode(), extract=True)
        assert len(system.asked) == 20 and most == extraction.AT_ONCE

    play(scene)


@pytest.mark.parametrize("name", ["", "   ", "x" * 600, "a\x00b", "\ud800"])
def test_a_name_that_is_none_is_refused(play: Play, name: str) -> None:
    async def scene(knowledge: Any, system: Any) -> None:
        with pytest.raises(InvalidArgument, match="a source"):
            await knowledge.ingest(name, b"text")
        with pytest.raises((InvalidArgument, NotFound)):
            await knowledge.neighbourhood(name)
        with pytest.raises(InvalidArgument, match="a source"):
            await knowledge.remove(name)

    play(scene)
