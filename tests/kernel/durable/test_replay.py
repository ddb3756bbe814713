"""A process is told what it was told before, in the same order, and then goes on."""

from __future__ import annotations

from typing import Any

from llmagentos.kernel.durable.replay import Live, Replay
from llmagentos.kernel.durable.story import Story
from llmagentos.kernel.journal.record import Kind, Record, digest
from llmagentos.syscalls.codec import unpack
from llmagentos.syscalls.errors import Diverged
from llmagentos.syscalls.message import VERSION
from llmagentos.syscalls.message import Kind as Frame

BODY = b"\x80"


class Kernel:
    """What became of each call, in order."""

    def __init__(
        self,
        *records: Record,
        reached: int = 0,
        until: float = 0.0,
        adopted: tuple[int, ...] = (),
    ) -> None:
        self.done: list[tuple[str, Any]] = []
        self.adopted = adopted
        self.replay = Replay(
            Live(
                send=self._send,
                make=lambda header, body: self.done.append(("made", header[2])),
                doubt=lambda header, body, since: self.done.append(("doubt", header[2])),
                adopt=self._adopt,
                suspect=lambda header, body, since: self.done.append(("suspect", header[2])),
                cut=lambda header, body: self.done.append(("cut", header[2])),
                diverged=lambda why: self.done.append(("diverged", why)),
                done=lambda: self.done.append(("done", None)),
            ),
            reached,
            until,
        )
        self.story = Story(1)
        for one in records:
            self.story.add(one)

    def load(self) -> Kernel:
        self.replay.load(self.story)
        return self

    def ask(self, number: int, name: str = "a.b", body: bytes = BODY) -> list[tuple[str, Any]]:
        """Ask, and return what has happened since."""
        self.done.clear()
        self.replay.ask([VERSION, Frame.REQUEST, number, name, None, None, None], body)
        return list(self.done)

    def _adopt(self, header: list[Any], body: bytes) -> bool:
        if header[2] in self.adopted and header[3] != "a.b":
            raise Diverged("it was another one")
        return header[2] in self.adopted

    def _send(self, header: tuple[Any, ...], body: bytes) -> None:
        kind = {Frame.REPLY: "reply", Frame.ERROR: "error", Frame.ITEM: "item"}[header[1]]
        said = unpack(body)
        self.done.append((kind, (header[2], said[0] if kind == "error" else said)))


def ended(ask: int, asked: int, value: bytes = b"\x01", **more: Any) -> Record:
    about: dict[str, Any] = {
        "syscall": "a.b", "digest": digest(BODY), "outcome": "ok", **more,
    }  # fmt: skip
    return Record(kind=Kind.CALL, time=1.0, pid=1, ask=ask, asked=asked, body=value, **about)


def other(kind: Kind, ask: int, body: bytes = b"") -> Record:
    about: dict[str, Any] = {"syscall": "a.b", "digest": digest(BODY), "body": body}
    return Record(kind=kind, time=1.0, pid=1, ask=ask, asked=ask, **about)


DONE = ("done", None)


def test_recorded_calls_are_answered_and_the_next_one_is_made() -> None:
    kernel = Kernel(ended(1, 1), ended(2, 2, b"\x02")).load()
    assert kernel.ask(1) == [("reply", (1, 1))]
    assert kernel.ask(2) == [("reply", (2, 2)), DONE]


def test_answers_come_in_the_recorded_order_and_never_too_early() -> None:
    # The second of two calls ended first, and a third was made before the first one ended.
    kernel = Kernel(ended(2, 2), ended(1, 3), ended(3, 3)).load()
    assert kernel.ask(1) == []
    assert kernel.ask(2) == [("reply", (2, 1))]
    assert kernel.ask(3) == [("reply", (1, 1)), ("reply", (3, 1)), DONE]


def test_call_without_an_outcome_is_made_again_once_all_is_told() -> None:
    kernel = Kernel(ended(2, 2), ended(3, 3)).load()
    assert kernel.ask(1) == []
    assert kernel.ask(2) == [("reply", (2, 1))]
    assert kernel.ask(3) == [("reply", (3, 1)), DONE, ("made", 1)]


def test_effect_without_an_outcome_is_in_doubt_and_never_made_again() -> None:
    kernel = Kernel(other(Kind.INTENT, 1)).load()
    assert kernel.ask(1) == [DONE, ("doubt", 1)]


def test_effect_that_is_still_on_its_way_is_waited_for() -> None:
    kernel = Kernel(other(Kind.INTENT, 1), reached=1, adopted=(1,)).load()
    assert kernel.ask(1) == [DONE]
    kernel = Kernel(reached=1, adopted=(1,)).load()
    assert [what for what, _ in kernel.ask(1, "a.c")] == ["done", "error", "diverged"]


def test_outcome_that_comes_while_it_catches_up_is_told() -> None:
    kernel = Kernel(other(Kind.INTENT, 1), ended(2, 2), reached=2).load()
    assert kernel.ask(1) == []
    kernel.replay.learn(ended(1, 2, b"\x07"))
    assert kernel.ask(2) == [("reply", (2, 1)), ("reply", (1, 7)), DONE]


def test_items_of_a_stream_that_was_cut_are_told_and_then_its_end() -> None:
    kernel = Kernel(other(Kind.ITEM, 1, b"\x01"), other(Kind.ITEM, 1, b"\x02")).load()
    assert kernel.ask(1) == [("item", (1, 1)), ("item", (1, 2)), DONE, ("cut", 1)]


def test_another_call_than_recorded_ends_the_process() -> None:
    for name, body, said in (("a.c", BODY, "a.c"), ("a.b", b"\xc0", "a.b with other arguments")):
        kernel = Kernel(ended(1, 1), ended(2, 2)).load()
        kernel.ask(1)
        reason = f"call 2 is {said}; recorded is a.b"
        assert kernel.ask(2, name, body) == [("error", (2, reason)), ("diverged", reason)]
        assert kernel.ask(3) == []


def test_arguments_whose_digest_was_not_kept_may_be_any() -> None:
    kernel = Kernel(ended(1, 1, digest=digest(b""))).load()
    assert kernel.ask(1, body=b"\xc0")[0] == ("reply", (1, 1))


def test_what_is_asked_before_the_story_is_read_waits_for_it() -> None:
    kernel = Kernel(ended(1, 1))
    assert kernel.ask(1) == []
    kernel.load()
    assert kernel.done == [("reply", (1, 1)), DONE]


def test_what_a_damaged_record_may_have_known_is_suspect_up_to_where_it_was() -> None:
    kernel = Kernel(ended(1, 1))
    kernel.story.damaged, kernel.story.reached = True, 3
    kernel.load()
    for number in (1, 2):
        assert DONE not in kernel.ask(number)
    assert kernel.ask(3) == [DONE, ("suspect", 2), ("suspect", 3)]
    assert kernel.ask(4) == []


def test_end_before_the_record_is_through_is_noticed() -> None:
    kernel = Kernel(ended(1, 1), ended(2, 2)).load()
    kernel.ask(1)
    assert kernel.replay.rest() == "it ended after call 1; recorded is call 2, a.b"
    kernel.ask(2)
    assert kernel.replay.rest() is None


def test_call_taken_back_gets_no_answer_and_holds_nothing_up() -> None:
    kernel = Kernel(ended(1, 2), ended(2, 2), ended(3, 3, b"", outcome="ECANCELED")).load()
    kernel.ask(1)
    kernel.replay.cancel(1)
    assert kernel.ask(2) == [("reply", (2, 1))]
    assert kernel.ask(3) == [DONE]


def test_process_that_owes_a_call_is_given_up_after_twice_its_time() -> None:
    kernel = Kernel(ended(1, 2), ended(2, 2)).load()
    kernel.ask(1)
    assert kernel.replay.stalled(30.0) is None
    assert kernel.replay.stalled(30.0) == "it waits after call 1, and recorded are 2"


def test_call_that_took_long_has_as_long_again_where_nothing_is_left_to_tell() -> None:
    kernel = Kernel(ended(1, 1), reached=3, until=70.0).load()
    kernel.ask(1)
    kernel.ask(2)
    looks = [kernel.replay.stalled(30.0) for _ in range(7)]
    assert looks[:-1] == [None] * 6 and looks[-1] is not None


def test_first_answer_may_be_waited_for_as_long_as_the_first_time() -> None:
    begun = Record(kind=Kind.START, time=-60.0, pid=1)
    kernel = Kernel(begun, ended(1, 2), ended(2, 2)).load()
    kernel.ask(1)
    looks = [kernel.replay.stalled(30.0) for _ in range(7)]
    assert looks[:-1] == [None] * 6 and looks[-1] is not None


def test_where_records_are_missing_a_call_is_suspect() -> None:
    kernel = Kernel(ended(2, 2))
    kernel.story.damaged = True
    kernel.load()
    kernel.ask(1)
    assert kernel.ask(2) == [("reply", (2, 1)), DONE, ("suspect", 1)]


def test_call_that_went_on_without_an_intent_is_answered_when_it_ends_during_the_replay() -> None:
    kernel = Kernel(ended(2, 2), reached=3).load()
    kernel.ask(1)
    kernel.ask(2)
    kernel.done.clear()
    # Such as a letter that a call of an earlier life was waiting for.
    kernel.replay.learn(ended(1, 3, b"\x07"))
    assert kernel.ask(3) == [("reply", (1, 7)), DONE, ("made", 3)]


def test_call_that_is_another_one_than_went_on_diverges() -> None:
    kernel = Kernel(ended(2, 2), reached=3).load()
    kernel.ask(1, "a.c")
    kernel.replay.learn(ended(1, 3, b"\x07"))
    assert [what for what, _ in kernel.done] == ["error", "diverged"]
