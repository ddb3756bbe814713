"""A stream of bytes is cut into lines, each in its bound."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from llmagentos.drivers.tools.mcp.lines import HEAD, Lines, Overlong

BYTES = st.lists(st.binary(max_size=30).map(lambda one: one.replace(b"x", b"\n")), max_size=20)


@given(BYTES, st.integers(0, 40))
def test_lines_are_whole_however_the_stream_is_cut(chunks: list[bytes], most: int) -> None:
    lines = Lines(most)
    found = [line for chunk in chunks for line in lines.feed(chunk)]
    *whole, rest = b"".join(chunks).split(b"\n")
    overlong = [line[:HEAD] for line in [*whole, rest] if len(line) > most]
    assert [one for one in found if isinstance(one, bytes)] == [w for w in whole if len(w) <= most]
    heads = [one.head for one in found if isinstance(one, Overlong)]
    assert all(full.startswith(head) for head, full in zip(heads, overlong, strict=True))


def test_an_overlong_answer_shows_its_number_where_it_can() -> None:
    assert Overlong(b'{"jsonrpc": "2.0", "id": 17, "result"').answers() == 17
    for head in (b'{"result": ', b'{"id": "a"', b'{"id": 1234567890123456789012', b"\xff"):
        assert Overlong(head).answers() is None
