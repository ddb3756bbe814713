"""A call's way to whoever answers it: queued for its device, journalled, and handed over.

Interface:
    Dispatch        `take`, `admit` and `unpark`, stages of the trap
"""

from __future__ import annotations

from collections.abc import Callable

from ..syscalls.errors import DeviceError, InputOutputError, Internal, PermissionDenied, TryAgain
from ..syscalls.message import VERSION, Kind
from .call import Call, CallTable
from .devices import DeviceTable, ManagedDevice
from .ending import Ending
from .policy.contract import Waiting
from .process import State
from .recorder import Recorder
from .registry import Registry
from .tenancy import Tenants

#: Bytes that may wait for a provider that does not read; past it calls are refused with EAGAIN.
MAX_BACKLOG = 32 * 1024 * 1024


class Dispatch:
    """Sends calls out that may pass and whose budget is reserved."""

    def __init__(
        self,
        *,
        registry: Registry,
        calls: CallTable,
        devices: DeviceTable,
        tenants: Tenants,
        recorder: Recorder,
        ending: Ending,
        clock: Callable[[], float],
    ) -> None:
        self._registry = registry
        self._calls = calls
        self._devices = devices
        self._tenants = tenants
        self._recorder = recorder
        self._ending = ending
        self._clock = clock
        #: Devices that calls are being let in to, further down the stack.
        self._admitting: set[str] = set()

    def take(self, call: Call) -> None:
        """Send a call on its way. Raises the error that refuses it."""
        if call.syscall.traits.device is None:
            self._queue(call)
        else:
            # One that a device has let in has its slot already: it waits for the disk before that.
            self._calls.watch(call)
            self._intend(call, self._queue)

    def admit(self, device: ManagedDevice) -> None:
        """Let in what a device has room for. A call that ends at once makes room again, which
        the outermost of these loops then fills."""
        if device.kind in self._admitting:
            return
        self._admitting.add(device.kind)
        try:
            while numbers := device.queue.admit(self._clock()):
                for number in numbers:
                    call = self._calls.get(number)
                    if call is None:  # unreachable while every end of a call tells the queue
                        raise Internal(f"call {number} waits in a queue and nowhere else")
                    self._ending.attempt(self._dispatch, call)
        finally:
            self._admitting.discard(device.kind)

    def unpark(self, name: str) -> None:
        """Let the calls of a syscall go out that have waited until somebody answers it."""
        for call in self._calls.parked(name):
            self._ending.attempt(self._dispatch, call)

    def _queue(self, call: Call) -> None:
        name, kind = call.syscall.name, call.syscall.traits.device
        if self._registry.handles(name):
            self._ending.answer(call, self._registry.handle(name, call.process, call.body))
            return
        self._calls.watch(call)
        process = call.process
        if kind is None:
            if process.tenancies:
                self._tenants.leaves(call)
            self._dispatch(call)
            return
        if process.state is State.ZOMBIE:
            raise PermissionDenied(f"process {process.pid} has ended")
        if process.state is State.SUSPENDED:
            self._calls.stop_clock(call, self._clock())
        device = self._devices.of(kind)
        self._tenants.enters(call, device)
        device.queue.submit(
            Waiting(
                key=call.number,
                pid=process.pid,
                principal=process.principal,
                nice=process.nice,
                arrived=call.started,
            )
        )
        self.admit(device)

    def _intend(self, call: Call, then: Callable[[Call], None]) -> None:
        """Go on with a call at once, or as soon as it is on the disk that it is about to go out."""
        if not self._recorder.intend(call):
            then(call)
            return
        if call.process.state is State.SUSPENDED:
            self._calls.stop_clock(call, self._clock())
        self._recorder.after(lambda failure: self._go_out(call, then, failure))

    def _go_out(self, call: Call, then: Callable[[Call], None], failure: str | None) -> None:
        """Go on with a call whose intent is on the disk, unless it has ended meanwhile."""
        if self._calls.get(call.number) is not call or call.answered:
            return
        if failure is None:
            self._ending.attempt(then, call)
        else:
            text = f"the journal cannot be written: {failure}"
            self._ending.fail(call, InputOutputError(text))

    def _dispatch(self, call: Call) -> None:
        name = call.syscall.name
        provider = self._registry.provider(name)
        if provider is None or provider.connection is None:
            if not self._registry.expected(name):
                raise DeviceError(f"nobody answers {name} at present")
            self._calls.park(call)
            return
        if provider.connection.backlog > MAX_BACKLOG:
            raise TryAgain(f"whoever answers {name} reads too slowly", retry_after=0.1)
        if call.syscall.traits.device is None and not call.intended:
            self._intend(call, self._send)
        else:
            self._send(call)

    def _send(self, call: Call) -> None:
        name, provider = call.syscall.name, self._registry.provider(call.syscall.name)
        if provider is None or provider.connection is None:  # It has gone meanwhile.
            self._dispatch(call)
            return
        self._calls.assign(call, provider)
        call.attempts += 1
        process, kind, now = call.process, call.syscall.traits.device, self._clock()
        rank = None if kind is None else self._devices.of(kind).queue.rank(call.number, now)
        provider.connection.send(
            (
                VERSION, Kind.REQUEST, call.number, name, call.deadline - now, call.trace, None,
                process.pid, process.principal, rank, bool(process.taints),
            ),
            call.body,
        )  # fmt: skip
