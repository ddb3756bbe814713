"""What a durable process has done and was told is known from its records."""

from __future__ import annotations

from llmagentos.kernel.durable.story import ANSWERS, RIGHTS, Asked, Story, heard
from llmagentos.kernel.journal.record import Kind, Record
from llmagentos.syscalls.codec import pack

ME, OTHER = 7, 8


def record(kind: Kind = Kind.CALL, pid: int = ME, **more: object) -> Record:
    return Record(kind=kind, time=1.0, pid=pid, **more)  # type: ignore[arg-type]


def story(*records: Record) -> Story:
    made = Story(ME)
    for one in records:
        made.add(one)
    return made


def test_effect_is_in_doubt_until_its_outcome_is_known() -> None:
    intent = record(Kind.INTENT, syscall="shop.sell", digest=b"d", ask=1, asked=1)
    made = story(intent)
    assert made.doubtful == {1: 1.0} and made.calls == {1: Asked("shop.sell", b"d")}
    made.add(record(syscall="shop.sell", digest=b"d", ask=1, asked=2, outcome="ok", body=b"\xc0"))
    assert not made.doubtful
    (told,) = made.told
    assert (told.ask, told.asked, told.outcome, told.body) == (1, 2, "ok", b"\xc0")


def test_stream_without_an_end_was_cut() -> None:
    made = story(record(Kind.ITEM, syscall="shop.list", ask=1, asked=1, body=b"\x01"))
    assert made.cut == {1}
    made.add(record(syscall="shop.list", ask=1, asked=1, outcome="ok", body=b"\xc0"))
    assert not made.cut and [one.item for one in made.told] == [True, False]


def test_what_it_has_taken_back_is_not_for_it_to_hear() -> None:
    cancelled = pack(["somebody else", {}])
    made = story(
        record(syscall="a.b", ask=1, asked=1, outcome="ECANCELED"),
        record(syscall="a.b", ask=2, asked=2, outcome="ECANCELED", body=cancelled),
    )
    assert [heard(one) for one in made.told] == [False, True]


def test_letters_are_those_that_it_has_not_taken() -> None:
    def letter(text: str, pid: int = OTHER) -> Record:
        body = pack({"to": ME, "body": text})
        return record(pid=pid, syscall="ipc.send", outcome="ok", arguments=body, also=ME)

    made = story(letter("one"), letter("two"), letter("mine", ME))
    made.add(record(syscall="ipc.recv", ask=1, asked=1, outcome="ok"))
    assert [(one.sender, one.body) for one in made.letters] == [(OTHER, "two"), (ME, "mine")]


def test_costs_taints_answers_and_rights_come_back() -> None:
    made = story(
        record(syscall="a.b", ask=1, asked=1, outcome="ok", notes={"used": {"tokens": 3.0}}),
        record(syscall="a.b", also=ME, origin=OTHER, outcome="ok", notes={"used": {"tokens": 4.0}}),
        record(syscall="a.b", ask=2, asked=2, outcome="ok", notes={"taints": ["a page"]}),
        record(Kind.MARK, outcome=ANSWERS, body=pack([["a.b?", "a.b", False, True]])),
        record(Kind.MARK, outcome=RIGHTS, body=pack(["clock.*"]), incarnation=3),
    )
    assert made.used == {"tokens": 7.0} and made.taints == ("a page",)
    assert made.answers == [["a.b?", "a.b", False, True]]
    assert made.rights == ["clock.*"] and made.incarnation == 3
    assert list(made.calls) == [1, 2]


def test_costs_of_others_that_name_it_are_its_own_and_no_letters() -> None:
    made = story(
        record(pid=OTHER, syscall="a.b", also=ME, outcome="ok", notes={"used": {"tokens": 3.0}}),
        record(Kind.EXIT, pid=OTHER, also=ME, outcome="0", notes={"used": {"money": 1.0}}),
    )
    assert made.used == {"tokens": 3.0, "money": 1.0} and not made.letters and not made.calls
