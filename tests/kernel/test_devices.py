"""Calls may wait for a device before its driver is up, and outlive a driver that goes."""

from __future__ import annotations

import pytest

from llmagentos.kernel.devices import DeviceTable, ManagedDevice
from llmagentos.kernel.policy.contract import Waiting
from llmagentos.kernel.policy.priority import Priority
from llmagentos.kernel.process import ControlBlock, Kind, ProcessTable
from llmagentos.kernel.runqueue import RunQueue
from llmagentos.syscalls.errors import AlreadyExists


def driver() -> ControlBlock:
    return ProcessTable().create(principal="ada", program="driver", kind=Kind.DRIVER)


def call(key: int, pid: int = 7, nice: int = 0) -> Waiting:
    return Waiting(key=key, pid=pid, principal="ada", nice=nice, arrived=float(key))


def table() -> tuple[DeviceTable, list[ManagedDevice]]:
    devices, freed = DeviceTable(), []
    devices.on_free = freed.append
    return devices, freed


def test_call_waits_for_a_device_that_has_no_driver_yet() -> None:
    devices, freed = table()
    device = devices.of("inference")
    device.queue.submit(call(1))
    assert device.queue.admit(1.0) == [] and devices.of("inference") is device
    one = driver()
    devices.register(one, "inference", 2, ("preempt",))
    assert freed == [device] and (device.driver, device.flags) == (one, ("preempt",))
    assert device.queue.admit(1.0) == [1]


def test_second_driver_is_refused_and_the_first_may_change_its_slots() -> None:
    devices, _ = table()
    first = driver()
    devices.register(first, "inference", 1, ("swap",))
    with pytest.raises(AlreadyExists, match=f"process {first.pid} drives inference"):
        devices.register(driver(), "inference", 9)
    devices.register(first, "inference", 3)
    device = devices.of("inference")
    assert (device.driver, device.flags, device.queue.counts()["slots"]) == (first, (), 3)


def test_device_of_a_driver_that_is_gone_lets_nobody_in_until_another_comes() -> None:
    devices, _ = table()
    first, second = driver(), driver()
    devices.register(first, "inference", 1)
    devices.register(second, "camera", 1)
    devices.withdraw(first)
    queue = devices.of("inference").queue
    queue.submit(call(1))
    assert queue.admit(1.0) == [] and devices.of("inference").driver is None
    assert devices.of("camera").driver is second
    devices.register(second, "inference", 1)
    assert queue.admit(1.0) == [1]


def test_suspended_processs_calls_wait_aside_on_every_device() -> None:
    devices, freed = table()
    one = driver()
    for kind in ("inference", "camera"):
        devices.register(one, kind, 2)
        for key, pid in ((1, 7), (2, 8)):
            devices.of(kind).queue.submit(call(key, pid))
    devices.hold(7)
    assert [device.queue.admit(1.0) for device in devices] == [[2], [2]]
    freed.clear()
    devices.resume(7)
    assert freed == list(devices)
    assert [device.queue.admit(1.0) for device in devices] == [[1], [1]]


def test_suspended_processs_calls_wait_aside_on_a_device_that_comes_later() -> None:
    devices, _ = table()
    devices.hold(7)
    devices.register(driver(), "inference", 1)
    queue = devices.of("inference").queue
    queue.submit(call(1))
    assert queue.admit(1.0) == []
    devices.resume(7)
    assert queue.admit(1.0) == [1]


def test_new_rank_holds_for_calls_that_wait() -> None:
    devices = DeviceTable(lambda: RunQueue(Priority(), name="priority"))
    queue = devices.of("inference").queue
    for key, pid in ((1, 7), (2, 8)):
        queue.submit(call(key, pid))
    devices.renice(8, -20, 2.0)
    devices.register(driver(), "inference", 2)
    assert queue.admit(2.0) == [2, 1]


def test_preemptions_are_counted_where_the_driver_reports_them() -> None:
    devices, _ = table()
    device = devices.of("inference")
    device.finish(1, {"tokens": 5.0}, 1.0)
    assert device.preemptions is None
    for count in (0.0, 2.0, 1.0):
        device.finish(1, {"preemptions": count}, 1.0)
    assert device.preemptions == 3
