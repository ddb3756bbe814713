"""The analyst of the examples, on the embedded model: it reads, asks, plans and names sources."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import House

pytestmark = pytest.mark.slow
ANALYST = str(Path(__file__).resolve().parents[2] / "examples/analyst/agent.toml")


def test_a_sum_over_a_table_is_planned_done_and_said_with_its_sources(own: House) -> None:
    task = "What is the combined budget of Aurora and Draco?"
    said = own.aos("run", "--quiet", ANALYST, "--task", task, timeout=120).out
    assert "The answer is 93800." in said
    assert "documents/projects.csv, row 1" in said and "documents/projects.csv, row 4" in said
    plan = own.aos("plan", "show", "1", "--json").json()
    assert plan["state"] == "succeeded"
    candidates = plan["decisions"][0]["candidates"]
    assert len(candidates) >= 4 and all(one["score"] is not None for one in candidates)
    scores = [one["score"] for one in candidates]
    assert scores[plan["decisions"][0]["chosen"]] == max(scores)


def test_every_kind_of_document_is_known_afterwards(own: House) -> None:
    own.aos("run", "--quiet", ANALYST, "--task", "What is the lead of Borealis?", timeout=120)
    known = {one["name"]: one for one in own.aos("knowledge", "ls", "--json").json()}
    media = {one["media"] for one in known.values()}
    assert media == {"application/pdf", "text/csv", "text/html", "image/png"}
    found = own.aos("knowledge", "search", "shore power transformer").out
    assert "documents/report.pdf, page 1" in found
    assert "Westpier" in own.aos("knowledge", "ask", "Borealis harbour ?where").out
    picture = own.aos("knowledge", "picture", "Northquay", "-o", str(own.state / "north.svg"))
    assert picture.code == 0 and "<svg" in (own.state / "north.svg").read_text()
