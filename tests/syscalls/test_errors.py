"""Codes are stable and cross the wire."""

from __future__ import annotations

import pytest

from llmagentos.syscalls import errors
from llmagentos.syscalls.errors import BY_CODE, Internal, LLMAgentOSError, TryAgain, from_wire


@pytest.mark.parametrize("code", sorted(BY_CODE))
def test_error_crosses_the_wire_as_its_own_class(code: str) -> None:
    error = from_wire(code, "why", {"hint": 1})
    assert type(error) is BY_CODE[code]
    assert str(error) == f"{code}: why"
    assert error.details == {"hint": 1}


def test_every_class_has_a_code_of_its_own_and_a_default_message() -> None:
    kinds = LLMAgentOSError.__subclasses__()
    assert len(BY_CODE) == len(kinds)
    assert all(f"{kind.__name__} " in (errors.__doc__ or "") for kind in kinds)
    assert all(kind().message for kind in BY_CODE.values())


def test_retry_hint_travels_in_the_details() -> None:
    assert TryAgain(retry_after=0.5).details["retry_after"] == 0.5


def test_code_of_a_newer_peer_is_named_in_an_internal_error() -> None:
    error = from_wire("ENEW", "why", {})
    assert type(error) is Internal
    assert "ENEW" in error.message
