from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pytest

from llmagentos.services.shell.commands.call import convert
from llmagentos.syscalls.interface import Interface, syscall
from llmagentos.syscalls.table import Description, describe


class Desk(Interface, name="desk"):
    @syscall()
    async def write(
        self,
        text: str,
        maybe: str | None = None,
        times: int = 1,
        either: int | str = 0,
        anything: Any = None,
        many: list[str] | None = None,
    ) -> None:
        """Take one argument of each kind."""
        raise NotImplementedError


WRITE: Description = describe(Desk)[0]


@pytest.mark.parametrize(
    ("pair", "value"),
    [
        ("text=5", "5"),
        ("text=", ""),
        ("text=a=b", "a=b"),
        ('text={"a": 1}', '{"a": 1}'),
        ("maybe=null", "null"),
        ("times=5", 5),
        ("times=many", "many"),
        ("either=5", 5),
        ("anything=true", True),
        ("anything=word", "word"),
        ('anything={"a": [1]}', {"a": [1]}),
        ('many=["x"]', ["x"]),
        ("unknown=7", 7),
    ],
)
def test_value_is_json_where_the_argument_is_no_text(pair: str, value: Any) -> None:
    assert convert([pair], WRITE) == {pair.partition("=")[0]: value}


@pytest.mark.parametrize(
    ("pairs", "why"),
    [(["text"], "KEY=VALUE"), (["=x"], "KEY=VALUE"), (["text=a", "text=b"], "given twice")],
)
def test_pair_that_is_none_is_named(pairs: list[str], why: str) -> None:
    with pytest.raises(click.UsageError, match=why):
        convert(pairs, WRITE)


def test_value_can_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("[1]\n")
    assert convert([f"text=@{tmp_path}/text"], WRITE) == {"text": "[1]\n"}
    assert convert([f"anything=@{tmp_path}/text"], WRITE) == {"anything": [1]}
    with pytest.raises(click.ClickException, match="No such file"):
        convert(["text=@/nowhere"], WRITE)
    (tmp_path / "noise").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(click.ClickException, match="no text"):
        convert([f"text=@{tmp_path}/noise"], WRITE)
