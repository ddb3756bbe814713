from __future__ import annotations

import pytest

from llmagentos.services.gateway.openai import store as module
from llmagentos.services.gateway.openai.refusal import Refusal
from llmagentos.services.gateway.openai.store import KEPT, Store

SAID = [{"role": "user", "content": "x" * 1000}]


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_response_is_forgotten_after_a_while() -> None:
    clock = Clock()
    store = Store(clock)
    store.keep(1, {"id": "a"}, SAID)
    clock.now = KEPT
    assert store.find(1, "a").messages == tuple(SAID)
    clock.now += 1
    with pytest.raises(Refusal, match="no response 'a'"):
        store.find(1, "a")


def test_oldest_responses_give_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROOM", 10_000)
    store = Store()
    for number in range(20):
        store.keep(1, {"id": str(number)}, SAID)
    with pytest.raises(Refusal):
        store.find(1, "10")
    assert store.find(1, "19").response == {"id": "19"}
    store.drop(1, "19")
    with pytest.raises(Refusal):
        store.drop(1, "19")
