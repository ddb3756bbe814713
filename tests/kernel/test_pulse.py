"""A process is silent while its main loop stands still, and not before."""

from __future__ import annotations

from llmagentos.kernel.pulse import Pulse

from .house import House, play


def test_process_that_answers_is_never_silent() -> None:
    async def scene(house: House) -> None:
        process, agent = await house.process("*")
        await house.driver()
        pulse = Pulse(process)
        for _ in range(5):
            assert pulse.beat() == 0
            # Its answer to the signal comes before the one to a later call.
            await agent.call("store.get", {"shelf": "a"})

    play(scene)


def test_process_whose_loop_stands_still_is_silent_until_it_goes_on() -> None:
    async def scene(house: House) -> None:
        here = house.table.create(principal="ada", program="stuck")
        sock = await house.bus.connect(here)  # Nobody reads its end.
        pulse = Pulse(here)
        assert [pulse.beat() for _ in range(4)] == [0, 1, 2, 3]
        sock.close()

    play(scene)


def test_process_without_a_connection_is_not_asked() -> None:
    async def scene(house: House) -> None:
        pulse = Pulse(house.table.create(principal="ada", program="none"))
        assert [pulse.beat(), pulse.beat()] == [0, 0]

    play(scene)
