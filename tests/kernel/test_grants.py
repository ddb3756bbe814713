"""Our own drivers and services may ask for what they need, a stranger's for what an agent may."""

from __future__ import annotations

from llmagentos.kernel.config import AgentsConfig, Config
from llmagentos.kernel.grants import foreign, granted
from llmagentos.kernel.plugins import Plugin


def plugin(name: str, source: str = "llmagentos") -> Plugin:
    return Plugin(name=name, entry=f"{name}:Main", source=source)


def test_rights_come_with_the_origin_and_not_with_the_name() -> None:
    config = Config(agents=AgentsConfig(capabilities=["memory.get"]))
    ours, theirs = granted(plugin("gateway"), config), granted(plugin("gateway", "other"), config)
    assert ours.allows("system.session") and not theirs.allows("system.session")
    assert theirs.allows("memory.get") and not ours.allows("memory.get")
    assert ours.allows("system.provide") and theirs.allows("system.provide")


def test_interface_is_foreign_where_neither_the_kernel_nor_our_drivers_have_it() -> None:
    syscalls = ["process.spawn", "memory.get", "weather.now", "weather.then", "gateway.status"]
    assert foreign(syscalls) == {"weather"}
