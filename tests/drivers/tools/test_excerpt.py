"""What is shown of a passage."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from llmagentos.drivers.tools.excerpt import LENGTH, SHORT, excerpt


def test_the_sentence_with_the_words_comes_first_and_what_follows_as_far_as_it_fits() -> None:
    text = "It rained.\nThe crane lifts\nforty tonnes. It is new! " + "Long words follow. " * 20
    found = excerpt(text, "the crane")
    assert found.startswith("The crane lifts forty tonnes. It is new! Long words follow.")
    assert found.endswith("follow.") and len(found) <= SHORT


def test_a_row_of_a_table_is_a_sentence() -> None:
    assert excerpt("name | age\nAda | 36\nBo | 41", "Bo").startswith("Bo | 41")


def test_where_no_word_is_found_the_passage_begins_as_it_does() -> None:
    assert excerpt("One thing. Another.", "zebra") == "One thing. Another."


@given(st.text(), st.text())
def test_any_text_gives_one_line_within_the_bound(text: str, query: str) -> None:
    found = excerpt(text, query)
    assert len(found) <= LENGTH and len(found.splitlines()) <= 1
