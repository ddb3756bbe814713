"""What pydantic finds wrong is said with its place, and without the value."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from llmagentos.syscalls.reason import reason, reasons


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    size: int = 0


class Outer(BaseModel):
    inner: list[Inner] = []
    name: str = ""

    @model_validator(mode="after")
    def _named(self) -> Outer:
        if self.name == "nobody":
            raise ValueError("nobody is no name")
        return self


def refused(values: Any) -> ValidationError:
    with pytest.raises(ValidationError) as caught:
        Outer.model_validate(values)
    return caught.value


def test_the_first_thing_that_is_wrong_is_told_with_its_place() -> None:
    error = refused({"inner": [{}, {"size": "secret"}], "name": 3})
    said = reason(error)
    assert said.startswith("inner.1.size: Input should be a valid integer")
    assert "secret" not in said


def test_a_place_is_told_as_its_writer_sees_it() -> None:
    assert reason(refused({"name": 3}), "drivers.x", "set").startswith("drivers.x.set.name: Input")


def test_a_whole_that_is_wrong_has_no_place_of_its_own() -> None:
    error = refused({"name": "nobody"})
    assert reason(error) == "nobody is no name"
    assert reason(error, "file") == "file: nobody is no name"


def test_all_that_is_wrong_can_be_told() -> None:
    first, second = reasons(refused({"inner": [{"color": 1}], "name": 3})).split("; ")
    assert first == "inner.0.color: Extra inputs are not permitted"
    assert second.startswith("name: ")


def test_of_much_that_is_wrong_the_first_is_told_and_how_much_more_there_is() -> None:
    said = reasons(refused({"inner": [{"color": 1}] * 1000}))
    assert said.count("inner.") == 10 and said.endswith("; and 990 more")
