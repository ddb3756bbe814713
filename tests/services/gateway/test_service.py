from __future__ import annotations

from typing import Any

import pytest

from llmagentos.services.gateway.service import _aliases
from llmagentos.syscalls.errors import InvalidArgument


def test_aliases_are_names_for_names() -> None:
    assert _aliases({}) == {}
    assert _aliases({"aliases": {"gpt-4o": "default"}}) == {"gpt-4o": "default"}


@pytest.mark.parametrize("wrong", [["gpt-4o"], "gpt-4o", {"gpt-4o": 5}])
def test_aliases_that_are_none_are_refused(wrong: Any) -> None:
    with pytest.raises(InvalidArgument, match="aliases"):
        _aliases({"aliases": wrong})
