"""Which processes there are is known without reading the whole journal."""

from __future__ import annotations

from pathlib import Path

from llmagentos.kernel.durable.recovery import recover
from llmagentos.kernel.journal.census import DURABLE, REMOVED, Census, place, where
from llmagentos.kernel.journal.record import Kind, Record
from llmagentos.kernel.journal.writer import POINTER, JournalWriter, segments
from llmagentos.syscalls.codec import pack

ORDER = pack({"principal": "ada", "program": "/a.py", "name": "a", "arguments": []})


def record(kind: Kind, pid: int, **more: object) -> Record:
    return Record(kind=kind, time=1.0, pid=pid, **more)  # type: ignore[arg-type]


def start(pid: int, kind: str = "") -> Record:
    return record(Kind.START, pid, outcome=kind, body=ORDER)


def call(pid: int, ask: int, **more: object) -> Record:
    return record(Kind.CALL, pid, ask=ask, asked=ask, outcome="ok", body=b"\xc0", **more)


def write(folder: Path, *records: Record, stretch: int = 10**6, segment: int = 10**6) -> None:
    found = recover(folder)
    journal = JournalWriter(folder, census=found.census, stretch=stretch, segment=segment)
    for one in records:
        journal.append(one)
        journal.flush()
    journal.close()


def test_place_is_a_file_and_an_offset() -> None:
    assert where(place(7, 123)) == (7, 123)


def test_census_survives_being_written_down() -> None:
    census = Census()
    for at, one in enumerate([start(1), start(2, DURABLE), call(2, 1), call(1, 1)]):
        census.note(one, at)
    again = Census()
    again.load(census.dump())
    assert again.dump() == census.dump() and again.last == 2
    life = again.find(2)
    assert life is not None and life.story is not None and list(life.story) == [1, 2]


def test_letter_to_oneself_is_told_once() -> None:
    census = Census()
    for at, one in enumerate([start(1, DURABLE), call(1, 1, syscall="ipc.send", also=1)]):
        census.note(one, at)
    life = census.find(1)
    assert life is not None and life.story is not None and list(life.story) == [0, 1]


def test_lives_are_found_over_files_restarts_and_censuses(tmp_path: Path) -> None:
    write(tmp_path, start(1), start(2, DURABLE), start(3), call(2, 1), stretch=100)
    end = record(Kind.EXIT, 1, outcome="3", body=pack("ended with code 3"))
    write(tmp_path, end, call(2, 2), record(Kind.MARK, 3, outcome=REMOVED), segment=100)
    first, second = recover(tmp_path).processes
    assert (first.pid, first.end, first.story) == (1, (1.0, 3, "ended with code 3"), None)
    assert second.pid == 2 and second.story is not None and list(second.story.calls) == [1, 2]
    assert second.order["principal"] == "ada"


def test_only_the_latest_of_those_that_have_ended_are_known() -> None:
    census = Census()
    for pid in range(1, 6):
        census.note(start(pid), pid)
        if pid != 1:
            census.note(record(Kind.EXIT, pid, outcome="0"), 10 + pid)
    census.thin(2)
    assert [pid for pid, _ in census] == [1, 4, 5]


def test_without_the_pointer_all_is_read(tmp_path: Path) -> None:
    write(tmp_path, start(1, DURABLE), call(1, 1), stretch=50)
    for text in ("", "7 7", "words", "1 3"):
        (tmp_path / POINTER).write_text(text)
        (found,) = recover(tmp_path).processes
        assert found.story is not None and list(found.story.calls) == [1]


def test_end_that_was_not_written_whole_is_passed_by(tmp_path: Path) -> None:
    write(tmp_path, start(1, DURABLE), call(1, 1), call(1, 2))
    (path,) = segments(tmp_path)
    path.write_bytes(path.read_bytes()[:-5])
    found = recover(tmp_path)
    (one,) = found.processes
    assert one.story is not None and list(one.story.calls) == [1] and not one.story.damaged
    assert [damage.torn for damage in found.damage] == [True]


def test_process_whose_record_is_damaged_says_so(tmp_path: Path) -> None:
    write(tmp_path, start(1, DURABLE), call(1, 1), call(1, 2), start(2, DURABLE))
    (path,) = segments(tmp_path)
    data = bytearray(path.read_bytes())
    # The first call of process 1 lies behind its start, which holds the only order so far.
    at = data.index(ORDER) + len(ORDER) + 60
    data[at] ^= 1
    path.write_bytes(bytes(data))
    found = recover(tmp_path)
    assert not found.damage[0].torn
    assert all(one.story is None or one.story.damaged for one in found.processes)


def test_files_that_went_after_the_last_census_are_no_damage(tmp_path: Path) -> None:
    write(tmp_path, start(1), record(Kind.EXIT, 1, outcome="0", body=pack("finished")))
    write(tmp_path, start(2, DURABLE), call(2, 1))
    segments(tmp_path)[0].unlink()
    found = recover(tmp_path)
    assert [one.pid for one in found.processes] == [2] and found.damage == []
    (story,) = [one.story for one in found.processes]
    assert story is not None and not story.damaged
    # Where the file of one that is to run again is gone, nothing is passed over.
    write(tmp_path, start(3))
    segments(tmp_path)[0].unlink()
    assert [damage.reason[:9] for damage in recover(tmp_path).damage] == ["process 2"]
