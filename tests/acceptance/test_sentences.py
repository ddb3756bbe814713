"""A model for sentences through the daemon: what is asked in other words is found."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

House = Any


@pytest.mark.slow
def test_what_is_asked_in_other_words_is_found_once_a_model_for_sentences_runs(
    make_house: Callable[..., House], minilm: Path
) -> None:
    house = make_house()
    house.aos("start")
    house.when_ready()
    added = house.aos("model", "add", f"hf:{minilm}", "--json", timeout=120).json()
    assert "sentences" in added["flags"] and not added["active"]
    for name, text in {
        "garden": "Slugs come out at dusk; copper tape around the bed turns them back.",
        "boiler": "The boiler has a ceramic seal and may be serviced by any fitter.",
        "ferry": "The ferry takes ninety cars and leaves every three hours.",
    }.items():
        data = base64.b64encode(text.encode()).decode()
        house.aos("call", "knowledge.ingest", f"source={name}", f"data={data}", "media=text/plain")
        house.aos("call", "memory.write", f"text={text}")
    for query, name in (("getting rid of snails", "garden"), ("boats for vehicles", "ferry")):
        found = house.aos("call", "knowledge.search", f"query={query}").json()
        assert found[0]["document"] == name
        assert not house.aos("call", "knowledge.search", f"query={query}", "method=words").json(), (
            "no word is shared"
        )
    recalled = house.aos("call", "memory.recall", "query=getting rid of snails").json()
    assert "Slugs" in recalled[0]["text"]
    refused = house.aos(
        "call", "model.chat", 'messages=[{"role": "user", "content": "hi"}]',
        "model=all-MiniLM-L6-v2", check=False,
    )  # fmt: skip
    assert refused.code == 1 and "holds no conversations" in refused.err
