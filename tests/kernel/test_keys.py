from __future__ import annotations

from llmagentos.kernel.keys import Keys, environment
from llmagentos.kernel.process import ProcessTable


def test_key_stands_for_its_process_until_it_is_withdrawn() -> None:
    table, keys = ProcessTable(), Keys()
    one, other = (table.create(principal="ada", program="p") for _ in range(2))
    first, second = keys.issue(one), keys.issue(other)
    assert first != second
    assert keys.holder(first) is one and keys.holder(second) is other
    assert keys.withdraw(one) is True
    assert keys.holder(first) is None and keys.holder(second) is other
    assert keys.withdraw(one) is False


def test_whatever_is_no_key_stands_for_nobody() -> None:
    for text in ("", "aos_process_", "\ud800", "x" * 10_000):
        assert Keys().holder(text) is None


def test_program_is_told_its_number_its_key_and_its_task() -> None:
    process = ProcessTable().create(principal="ada", program="p")
    told = environment(process, "k")
    assert told["OPENAI_API_KEY"] == told["LLMAGENTOS_TOKEN"] == "k"
    assert told["LLMAGENTOS_PID"] == str(process.pid) and "LLMAGENTOS_TASK" not in told
    process.task = "count"
    assert environment(process, "k")["LLMAGENTOS_TASK"] == "count"
