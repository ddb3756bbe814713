"""Addresses with and without a person in them."""

from __future__ import annotations

import pytest

from llmagentos.drivers.inference.openai.address import shown, split
from llmagentos.syscalls.errors import InvalidArgument


@pytest.mark.parametrize(
    ("address", "bare", "sent"),
    [
        ("http://here:8000/v1/", "http://here:8000/v1", {}),
        ("https://me:secret@here/v1", "https://here/v1", {"Authorization": "Basic bWU6c2VjcmV0"}),
        ("http://me@[::1]:80/v1", "http://[::1]:80/v1", {"Authorization": "Basic bWU6"}),
        ("http://m%C3%A9:a%3Ab@here", "http://here", {"Authorization": "Basic bcOpOmE6Yg=="}),
    ],
)
def test_a_person_goes_into_a_header(address: str, bare: str, sent: dict[str, str]) -> None:
    assert split(address) == (bare, sent)


@pytest.mark.parametrize(
    "address",
    ["", "here/v1", "ftp://me:secret@here", "http://", "http://me:secret@", "http://me:secret@:80",
     "http://me:se/cret@here", "http://me:secret@here:port", "http://me:secret@[::1"],
)  # fmt: skip
def test_what_is_no_address_is_refused_and_no_password_shown(address: str) -> None:
    with pytest.raises(InvalidArgument, match="no http address") as refused:
        split(address)
    assert "cret" not in str(refused.value)


def test_any_text_can_be_shown() -> None:
    assert shown("openai:http://me:secret@here/v1") == "openai:http://here/v1"
    assert shown("hf:a/b") == "hf:a/b" and shown("embedded") == "embedded"
