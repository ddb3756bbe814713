"""Passages: cut along sections and paragraphs, and tables along rows."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from llmagentos.drivers.knowledge.passages import MOST, OVERLAP, cut, digest, tokens, worded
from llmagentos.syscalls.perception import Observation, Place


def text(words: str, **place: object) -> Observation:
    return Observation(kind="text", text=words, place=Place(**place))  # type: ignore[arg-type]


def test_short_paragraphs_of_a_section_stand_together() -> None:
    pieces = cut(
        [text("One.", section="A", line=1), text("Two.", section="A", line=3),
         text(" ", section="A"), text("Three.", section="B", line=5),
         text("Four.", section="B", page=2)]
    )  # fmt: skip
    assert [piece.text for piece in pieces] == ["One.\n\nTwo.", "Three.", "Four."]
    assert [piece.place.line for piece in pieces] == [1, 5, None]


def test_paragraphs_that_do_not_fit_together_are_parted_between_them() -> None:
    half = "word " * 150
    pieces = cut([text(half), text(half), text("short")])
    assert [piece.text for piece in pieces] == [half.strip(), half.strip() + "\n\nshort"]


def test_a_long_paragraph_is_cut_between_sentences_with_an_overlap() -> None:
    sentences = [f"This is the sentence of the number {number}." for number in range(200)]
    pieces = cut([text(" ".join(sentences))])
    assert all(tokens(piece.text) <= MOST + 5 for piece in pieces) and len(pieces) > 5
    for one, other in pairwise(pieces):
        first = other.text.partition(". ")[0]
        assert first in one.text and 0 < tokens(one.text[one.text.index(first) :]) <= OVERLAP
    assert all(any(sentence in piece.text for piece in pieces) for sentence in sentences)


@given(st.text(alphabet="ab。. \n漢字!?", max_size=4000))
def test_no_letter_is_lost_and_no_piece_is_too_long(long: str) -> None:
    pieces = cut([text(long)])
    assert all(tokens(piece.text) <= MOST + OVERLAP for piece in pieces)
    letters = {letter for letter in long if not letter.isspace()}
    assert letters == {one for piece in pieces for one in piece.text if not one.isspace()}
    joined = "".join("".join(piece.text.split()) for piece in pieces)
    assert len(joined) >= len("".join(long.split()))


def test_each_piece_of_a_long_paragraph_has_the_line_on_which_it_begins() -> None:
    lines = [f"The line {n} is one\nof many. The end." for n in range(200)]
    pieces = cut([text("\n".join(lines), line=10)])
    for piece in pieces:
        number = int(piece.text.partition("The line ")[2].split()[0])
        assert piece.place.line in (10 + 2 * number, 10 + 2 * number - 1)
    assert len(pieces) > 5


def test_a_word_without_end_is_cut_anywhere() -> None:
    pieces = cut([text("x" * 100_000)])
    assert "".join(piece.text for piece in pieces) == "x" * 100_000


def test_a_table_is_cut_between_rows_and_each_piece_has_the_head() -> None:
    rows = [["name", "what it is about"], *([f"n{n}", "words " * 10] for n in range(60))]
    (first, *rest) = cut(
        [Observation(kind="table", text="…", rows=rows, place=Place(section="S", row=1))]
    )
    assert len(rest) > 2
    assert all(piece.text.startswith("name | what") for piece in [first, *rest])
    assert rest[0].place == Place(section="S", row=len(first.rows))
    assert [row for piece in [first, *rest] for row in piece.rows[1:]] == rows[1:]


def test_rows_as_long_as_chapters_are_cut_like_text() -> None:
    rows = [["a", "b"], ["x", "words " * 2000]]
    table = Observation(kind="table", text="words " * 2000, rows=rows)
    pieces = cut([table])
    assert len(pieces) > 5 and pieces[0].rows == rows and not pieces[1].rows


def test_other_observations_are_passages_of_their_own() -> None:
    speech = Observation(kind="audio", text="Hello.", place=Place(start=0.0, end=2.5))
    pieces = cut([text("One."), speech, text("Two.")])
    assert [piece.text for piece in pieces] == ["One.", "Hello.", "Two."]
    assert str(pieces[1].place) == "0 to 2.5 s"


def test_a_passage_is_found_by_the_titles_above_it() -> None:
    (piece,) = cut([text("One.", section="A > B")])
    assert worded("Report", piece.place, piece.text) == "Report\nA > B\nOne."
    assert digest("Report", piece) != digest(None, piece)
