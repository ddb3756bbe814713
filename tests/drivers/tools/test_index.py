"""Tools are found by what they do."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from llmagentos.drivers.tools.builtin import TOOLS
from llmagentos.drivers.tools.contract import define
from llmagentos.drivers.tools.index import Index
from llmagentos.syscalls.tool import ToolInfo

OURS = [define(name, function).info for name, function in TOOLS.items()]


def info(name: str, description: str) -> ToolInfo:
    parameters = {"type": "object", "properties": {"zebraCount": {"type": "integer"}}}
    return ToolInfo(
        name=name, description=description, parameters=parameters, effect=False, untrusted=False
    )


def test_one_in_a_hundred_is_found_by_its_task() -> None:
    crowd = [info(f"thing_{n}", f"Do the {n}th thing with a value.") for n in range(100)]
    tasks = {
        "calculator": "evaluate 3 * (4 + 5)",
        "http_fetch": "read the text of a web page at some url",
        "memory_get": "what is remembered under the key budget?",
        "file_write": "write a report into a file",
        "knowledge_search": "look for passages about rivers in my documents",
    }
    index = Index([*crowd, *OURS])
    for name, task in tasks.items():
        assert name in [one.name for one in index.search(task, 3)], task
    index.close()


def test_names_and_parameters_are_read_in_words() -> None:
    index = Index([info("readFile", "x"), info("list_folders", "y"), info("z", "")])
    assert [one.name for one in index.search("reading a file", 5)] == ["readFile"]
    assert [one.name for one in index.search("folder", 5)] == ["list_folders"]
    assert len(index.search("zebra", 5)) == 3 and len(index.search("zebra", 2)) == 2
    assert index.search("giraffe", 5) == []
    index.close()


@given(st.text(max_size=80))
def test_any_question_has_an_answer(query: str) -> None:
    index = Index(OURS)
    assert len(index.search(query, 4)) <= 4
    index.close()
