from __future__ import annotations

import pytest

from llmagentos.services.shell.failure import NoDaemon, explain
from llmagentos.syscalls.errors import DeadlineExceeded, NoSyscall, NotFound


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (NotFound("there is no process 9"), 1, "aos: ENOENT: there is no process 9\n"),
        (DeadlineExceeded(), 124, "aos: ETIMEDOUT: There was no answer before the deadline.\n"),
        (NoDaemon("no daemon runs"), 125, "aos: no daemon runs\n"),
        (FileNotFoundError(2, "No such file", "/x"), 1, "aos: /x: No such file\n"),
        (ExceptionGroup("", [NotFound("gone")]), 1, "aos: ENOENT: gone\n"),
    ],
)
def test_error_is_one_line_and_an_exit_code(
    capsys: pytest.CaptureFixture[str], error: BaseException, code: int, said: str
) -> None:
    assert explain(error) == code
    assert capsys.readouterr().err == said


def test_error_says_what_to_do_where_that_is_known(capsys: pytest.CaptureFixture[str]) -> None:
    explain(NoSyscall())
    assert "aos syscalls" in capsys.readouterr().err


def test_defect_shows_where_it_is_only_when_asked(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AOS_DEBUG", raising=False)
    assert explain(KeyError("x")) == 1
    assert "Traceback" not in (said := capsys.readouterr().err) and "AOS_DEBUG" in said
    monkeypatch.setenv("AOS_DEBUG", "1")
    explain(KeyError("x"))
    assert "KeyError" in capsys.readouterr().err
