"""The machine's refusals come as OSError with their number."""

from __future__ import annotations

import errno
import os

import pytest

from llmagentos.kernel.sandbox.native import prctl, syscall, unshare

from .conftest import Attempt


def test_refusal_is_an_error_with_its_number() -> None:
    with pytest.raises(OSError) as refusal:
        prctl(-1)
    assert refusal.value.errno == errno.EINVAL
    with pytest.raises(OSError) as refusal:
        unshare(1)
    assert refusal.value.errno == errno.EINVAL


@pytest.mark.usefixtures("x86_64")
def test_result_of_a_call_comes_back() -> None:
    assert syscall(39) == os.getpid()


def test_name_of_a_process_is_changed(attempt: Attempt) -> None:
    said = attempt(
        "prctl(native.PR_SET_NAME, native.ctypes.c_char_p(b'aos-7'))\n"
        "print(Path('/proc/self/comm').read_text().strip())\n"
    )
    assert said == ["aos-7"]


def test_copy_of_a_process_runs_nothing_that_modules_asked_for(attempt: Attempt) -> None:
    said = attempt(
        "os.register_at_fork(after_in_child=lambda: print('asked', flush=True))\n"
        "pid = native.fork()\n"
        "if pid == 0:\n"
        "    print('copy', flush=True)\n"
        "    os._exit(7)\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))\n"
    )
    assert said == ["copy", "7"]
