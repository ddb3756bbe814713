"""What reading one source may take, and how the worker's process holds itself to it.

Three lines of defence, each for what the one before cannot see: an alarm that Python code hears,
the system's limit on the CPU, which ends the process in the midst of a library, and the driver's
patience.

Interface:
    OutOfTime           raised wherever the reading stands when its time is up
    confine             bound this process's memory for good
    time_limit          a context: so much CPU and no more
    worn                whether a new process should go on
"""

from __future__ import annotations

import resource
import signal
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

#: Bytes of a source: as many as a message carries, with room for what else stands in it.
SOURCE = 15 * 2**20
#: Bytes of an answer.
ANSWER = 14 * 2**20
#: Bytes that an archive may unpack to, how many times its own size that may be, and its files.
UNPACKED, RATIO, ENTRIES = 64 * 2**20, 200, 10_000
#: Pages of a document, columns of a table, and pixels of an image.
PAGES, COLUMNS, PIXELS = 2000, 1000, 64_000_000
#: Elements of a page within each other.
NESTED = 5000
#: Seconds of a sound, and of the speech in it that is written down.
SOUND, SPEECH = 3600.0, 300.0
#: Images within a document that are looked at.
IMAGES = 20
#: Seconds of CPU after the alarm until the process is ended.
GRACE = 5.0


class OutOfTime(BaseException):
    """The source's time is up. No `Exception`: libraries catch those and go on."""


def confine(memory: int) -> None:
    """Bound the address space of this process to so many bytes, for good."""
    most = _within(memory, resource.getrlimit(resource.RLIMIT_AS)[1])
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    # A reader that breaks down is the source's affair; its memory on the disk helps nobody.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    warnings.simplefilter("ignore")


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise `OutOfTime` after so many seconds of CPU; `GRACE` later the process ends by SIGXCPU."""
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    last = _within(int(_used() + seconds + GRACE) + 1, hard)
    before = signal.signal(signal.SIGPROF, _ring)
    resource.setrlimit(resource.RLIMIT_CPU, (last, hard))
    # Rings again: a library may have caught the first one.
    signal.setitimer(signal.ITIMER_PROF, seconds, 1.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
        resource.setrlimit(resource.RLIMIT_CPU, (hard, hard))


def worn() -> bool:
    """Whether this process has used half of the CPU that the house lets it ever use."""
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    return hard != resource.RLIM_INFINITY and _used() > hard / 2


def _used() -> float:
    """Return the seconds of CPU that this process has used."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _within(wanted: int, hard: int) -> int:
    """Return what may be set below a limit that nobody here may raise."""
    return wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)


def _ring(number: int, frame: FrameType | None) -> None:
    raise OutOfTime
