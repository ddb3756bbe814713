from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmagentos.services.learning.pretrain.corpus import Corpus, Documents
from llmagentos.services.learning.pretrain.recipe import CorpusPart
from llmagentos.syscalls.errors import InvalidArgument


def corpus(folder: Path, **part: Any) -> Corpus:
    return Corpus(folder, CorpusPart(**({"files": ["*"], "held_out": 0.3} | part)))


def survey(folder: Path, **part: Any) -> Any:
    return corpus(folder, **part).survey(10_000, 10_000)


def write(folder: Path, count: int = 20, name: str = "a.txt") -> list[str]:
    texts = [f"Text {number}.\nIt goes on." for number in range(count)]
    (folder / name).write_text("\n\n".join(texts))
    return texts


def test_documents_stand_between_blank_lines(tmp_path: Path) -> None:
    texts = write(tmp_path)
    seen = survey(tmp_path)
    assert sorted(seen.sample + seen.held_out) == sorted(texts)
    assert (seen.files, seen.documents, seen.skipped) == (1, 20, 0)
    assert seen.held_out


def test_documents_of_json_lines_stand_in_a_field(tmp_path: Path) -> None:
    lines = [json.dumps({"body": f"text {number}"}) for number in range(20)]
    (tmp_path / "a.jsonl").write_text("\n".join(lines) + "\n\n")
    seen = survey(tmp_path, format="jsonl", field="body")
    assert sorted(seen.sample + seen.held_out) == sorted(f"text {n}" for n in range(20))


def test_files_are_found_by_patterns_and_each_once(tmp_path: Path) -> None:
    (tmp_path / "deep/er").mkdir(parents=True)
    write(tmp_path / "deep/er", name="b.txt")
    write(tmp_path, name="a.txt")
    made = corpus(tmp_path, files=["**/*.txt", "a.txt"])
    assert [one.name for one in made.paths] == ["a.txt", "b.txt"]
    with pytest.raises(InvalidArgument, match=r"no file fits 'c/\*'"):
        corpus(tmp_path, files=["c/*"])


LONG = "x" * 200
BAD = [
    (b"good\n\nb\xe4d\n", "a.txt, line 3: no UTF-8: byte 2 is 0xe4"),
    (b"good\nwith\0zero\n", "a.txt, line 2: no text: it holds a byte of value 0"),
    (f"good\n{LONG}\nshort\n".encode(), "a.txt, line 2: longer than 100 bytes"),
    (bytes(range(128, 228)), "a.txt, line 1: no UTF-8: byte 1 is 0x80"),
]
BAD_LINES = [
    (b'{"text": "x"}\n{"text": \n', "a.txt, line 2: no JSON: Expecting value"),
    (b'\n{"body": "x"}\n', "a.txt, line 2: no text in the field 'text'"),
    (b'{"text": 3}\n', "a.txt, line 1: no text in the field 'text'"),
    (b'["text"]\n', "a.txt, line 1: no text in the field 'text'"),
    (b'{"text": "\\ud800"}\n', "a.txt, line 1: half a character, a surrogate without its other"),
    (b"[" * 90 + b"\n", "a.txt, line 1: no JSON: Expecting value"),
]


@pytest.mark.parametrize(
    ("content", "message", "form"),
    [(*one, "text") for one in BAD] + [(*one, "jsonl") for one in BAD_LINES],
)
def test_what_cannot_be_read_is_told_by_file_and_line(
    tmp_path: Path, content: bytes, message: str, form: str
) -> None:
    (tmp_path / "a.txt").write_bytes(content)
    with pytest.raises(InvalidArgument) as refused:
        survey(tmp_path, format=form, longest=100)
    assert refused.value.message == message


@pytest.mark.parametrize("content", [one for one, _ in BAD])
def test_what_cannot_be_read_is_passed_over_and_counted_where_that_is_asked_for(
    tmp_path: Path, content: bytes
) -> None:
    write(tmp_path, name="b.txt")
    (tmp_path / "a.txt").write_bytes(content)
    made = corpus(tmp_path, on_error="skip", longest=100)
    seen = made.survey(10_000, 10_000)
    assert seen.skipped == 1 and len(made.troubles) == 1
    assert seen.documents >= 20


@pytest.mark.parametrize("content", [b"", b"\n \n\n", b"one document\n"])
def test_a_corpus_that_leaves_nothing_to_learn_from_is_refused(
    tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "a.txt").write_bytes(content)
    with pytest.raises(InvalidArgument, match=r"of which none can be (learnt from|held out)"):
        survey(tmp_path)


def test_an_unreadable_file_is_told(tmp_path: Path) -> None:
    write(tmp_path)
    made = corpus(tmp_path)
    (tmp_path / "a.txt").unlink()
    with pytest.raises(InvalidArgument, match=r"a.txt: No such file or directory"):
        made.survey(1, 1)


def test_a_long_document_is_cut(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("".join(f"a line of {n:02}\n" for n in range(100)))
    seen = corpus(tmp_path, longest=120, held_out=0.5).survey(10_000, 10_000)
    assert seen.documents == 10


@given(st.integers(0, 60), st.integers(0, 60))
def test_documents_go_on_from_any_position(
    tmp_path_factory: pytest.TempPathFactory, before: int, after: int
) -> None:
    folder = tmp_path_factory.mktemp("corpus")
    write(folder, 7, "a.txt")
    write(folder, 5, "b.txt")
    one, other = Documents(corpus(folder)), Documents(corpus(folder))
    texts = iter(one)
    for _ in range(before):
        next(texts)
    other.restore(one.state())
    assert list(islice(texts, after)) == list(islice(iter(other), after))


def test_a_position_in_files_that_have_changed_is_refused(tmp_path: Path) -> None:
    write(tmp_path)
    state = Documents(corpus(tmp_path)).state()
    write(tmp_path, 21)
    with pytest.raises(InvalidArgument, match="the corpus has changed"):
        Documents(corpus(tmp_path)).restore(state)
