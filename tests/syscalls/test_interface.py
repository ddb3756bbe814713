"""A class of marked methods is an interface, whoever implements it."""

from __future__ import annotations

from llmagentos.syscalls.interface import Interface, syscall


class Greeter(Interface, name="greeter"):
    @syscall(idempotent=True, subject="name")
    async def hello(self, name: str) -> str:
        raise NotImplementedError

    async def not_a_syscall(self) -> None:
        raise NotImplementedError


class EnglishGreeter(Greeter):
    async def hello(self, name: str) -> str:
        return f"Hello, {name}"


def test_marked_methods_alone_are_syscalls() -> None:
    assert list(Greeter.methods()) == ["hello"]


def test_implementation_inherits_the_name_and_the_traits_of_its_contract() -> None:
    declaration, traits = EnglishGreeter.methods()["hello"]
    assert EnglishGreeter.interface_name == "greeter"
    assert declaration is Greeter.hello
    assert (traits.idempotent, traits.subject, traits.effect) == (True, "name", False)
