"""The language of patterns: what its terms are, and what is said of a wrong one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmagentos.drivers.knowledge.pattern import Constant, Name, Variable, parse
from llmagentos.syscalls.errors import InvalidArgument, LLMAgentOSError, TooBig


def test_terms_are_what_they_look_like() -> None:
    text = r"""?who works_at ?firm. ?firm <http://x.org/a?b=1> "St. \"Olav\" \\ 5" .
        ?firm size .5 . ?firm 'in the' O'Hara . ?who is 3.5.1 
        . ?n url http://a.b/c?d=e . ?n x -2e3"""
    parsed = parse(text)
    assert parsed.variables == ["who", "firm", "n"]
    objects = [triple[2] for triple in parsed.triples]
    assert objects == [
        Variable("firm"), Name('St. "Olav" \\ 5'), Constant(0.5), Name("O'Hara"), Name("3.5.1"),
        Name("http://a.b/c?d=e"), Constant(-2000.0),
    ]  # fmt: skip
    assert parsed.triples[1][1] == Name("http://x.org/a?b=1")
    assert parsed.triples[3][1] == Name("in the")


def test_comparisons_stand_beside_triples() -> None:
    parsed = parse("?a age ?n . ?n>=18 . ?n < 65 . ?a != Bo")
    operators = [(one.left, one.operator, one.right) for one in parsed.comparisons]
    assert operators == [
        (Variable("n"), ">=", Constant(18)), (Variable("n"), "<", Constant(65)),
        (Variable("a"), "!=", Name("Bo")),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "needs a triple"),
        (" . ", "at character 2, .*nothing before the dot"),
        ("?a knows", "at character 1, .*three parts, not 2"),
        ("?a knows ?b ?c", "three parts, not 4"),
        ("?a knows ?b . ?b likes", "at character 15, .*not 2"),
        ("?a knows ?b . . ?b likes ?c", "nothing before the dot"),
        ('?a knows "Bo', "at character 10, .*no term"),
        ("= ?a ?b", "an operator stands between"),
        ("?a = = ", "an operator stands between"),
        ("5 knows ?b", "the subject of a triple"),
        ("?a true ?b", "the relation of a triple"),
        ("?a knows ?b . ?c > 5", r"\?c stands in no triple"),
        ("?a knows ?b . 4 > 5", "holds a variable"),
        ("?a knows ?b . ? > 5", "stands in no triple"),
        ("?a > 5", "needs a triple"),
        ("?a age 99999999999999999999", "64 bits"),
        ("?a age 1e999", "finite"),
    ],
)
def test_a_wrong_pattern_is_told_where(text: str, why: str) -> None:
    with pytest.raises(InvalidArgument, match=why):
        parse(text)


def test_a_pattern_has_bounds() -> None:
    with pytest.raises(TooBig, match="12 triples"):
        parse(" . ".join(["?a knows ?b"] * 13))
    with pytest.raises(TooBig, match="10000 characters"):
        parse("?a knows " + "x" * 10_000)


@given(st.text(alphabet="?ab .\"'\\<>=!5_\n", max_size=60))
def test_any_text_is_a_pattern_or_refused(text: str) -> None:
    try:
        assert parse(text).triples
    except LLMAgentOSError as error:
        assert error.code in ("EINVAL", "E2BIG")


@given(st.text(min_size=1, max_size=30).filter(lambda text: "\\" not in text))
def test_a_quoted_name_is_taken_as_it_stands(name: str) -> None:
    quoted = '"' + name.replace('"', '\\"') + '"'
    assert parse(f"?a knows {quoted}").triples[0][2] == Name(name)
