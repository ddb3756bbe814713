"""Plain text and Markdown."""

from __future__ import annotations

from .conftest import See


def test_paragraphs_have_their_line(see: See) -> None:
    found = see("first\n\nsecond\n" + "word " * 300 + "\n\nthird\n", "a.txt")
    assert found.places == ["line 1", "line 6"]
    assert found.texts[0].startswith("first\n\nsecond\nword") and found.texts[1] == "third"


def test_text_in_an_old_encoding_is_text(see: See) -> None:
    found = see("Grüße aus Köln, die Straße ist länger.\n".encode("cp1252"), "a.txt")
    assert found.texts == ["Grüße aus Köln, die Straße ist länger."]


def test_text_without_lines_is_one_piece(see: See) -> None:
    found = see("x" * 10_000, "a.txt", limit=500)
    assert found.texts == ["x" * 500] and found.truncated


def test_markdown_is_read_under_its_headings(see: See) -> None:
    found = see(
        "---\ntitle: Plan\ntags: a\n---\nIntro\n\n# One #\ntext\n\nSub\n---\n- a\n- b\n\n"
        "# Two\n\nend",
        "a.md",
    )
    assert found.title == "Plan" and found.about["tags"] == "a"
    assert list(zip(found.texts, found.places, strict=True)) == [
        ("Intro", "line 5"),
        ("text", "section One, line 8"),
        ("- a\n- b", "section One > Sub, line 12"),
        ("end", "section Two, line 17"),
    ]


def test_heading_in_code_is_no_heading(see: See) -> None:
    found = see("# One\n\n```sh\n# not a heading\n\nls\n```\nafter", "a.md")
    assert found.texts == ["```sh\n# not a heading\n\nls\n```", "after"]
    assert set(one.place.section for one in found.observations) == {"One"}


def test_markdown_table_is_a_table(see: See) -> None:
    found = see("| a | b \\| c |\n|---|:-:|\n| 1 | 2 |\n", "a.md")
    (one,) = found.observations
    assert one.kind == "table" and one.rows == [["a", "b | c"], ["1", "2"]]


def test_rule_at_the_top_is_no_front_matter(see: See) -> None:
    found = see("---\nname: x\n\ntext without an end of it\n", "a.md")
    assert found.about == {} and "text without an end of it" in found.texts[-1]


def test_line_without_end_takes_no_longer_than_others(see: See) -> None:
    found = see("# a" + " " * 100_000 + "b\n\ntext\n\n" + "-" * 100_000 + "x", "a.md")
    assert found.error is None and not any("the rest" in one for one in found.missing)
    assert found.texts[0].startswith("# a  ") and found.texts[1] == "text"
