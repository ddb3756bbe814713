"""A process finds nothing in its own memory of what others were told."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmagentos.syscalls.os import OS

from ..integration.conftest import Daemon, write

#: Reads all of its memory for words that were said to others, and for its own, which shows that it
#: would find them. Neither stands as a whole in this program.
READER = """
import re
def main(system, task):
    words = [('word-of-' + one).encode() for one in ('another', 'mine')]
    found = dict.fromkeys(words, 0)
    with open('/proc/self/maps') as maps, open('/proc/self/mem', 'rb', 0) as memory:
        for line in maps.read().splitlines():
            begin, end = (int(one, 16) for one in line.split()[0].split('-'))
            if line.split()[1][0] != 'r' or '[v' in line:
                continue
            memory.seek(begin)
            for at in range(begin, end, 2**20):
                part = memory.read(min(2**20, end - at))
                for word in words:
                    found[word] += len(re.findall(re.escape(word) + rb'-[0-9]{6}', part))
                del part
    another, mine = found.values()
    print(another, mine > 0)
"""


def _words(whose: str, size: int) -> str:
    return "".join(f"word-of-{whose}-{number:06d}." for number in range(size // 22))


@pytest.mark.parametrize("size", [400, 3000, 100_000])
def test_no_process_finds_what_others_were_told(daemon: Daemon, tmp_path: Path, size: int) -> None:
    """All are copies of one process, which hands each of them its task and its environment."""
    idle = write(tmp_path, "idle.py", "def main(): pass\n")
    reader = write(tmp_path, "reader.py", READER)

    async def work(os: OS) -> list[str]:
        for _ in range(3):
            told = _words("another", size)
            pid = await os.process.spawn(idle, task=told, environment={"KEY": told})
            await os.process.wait(pid)
        pid = await os.process.spawn(reader, task=_words("mine", 300))
        await os.process.wait(pid)
        return [line.text async for line in os.process.logs(pid)]

    assert daemon.run(work) == ["0 True"]
