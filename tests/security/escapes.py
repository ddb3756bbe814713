"""Known escapes from a sandbox, each tried for real; a program of its own, run inside.

    python escapes.py PLACES        prints one JSON line for each: its name and what became of it

PLACES is a JSON map: `outside`, a folder of nobody's business with a `secret` in it; `other`,
another agent's folder, with a `secret` too; `pid`, a process outside; `port`, `socket` and
`datagrams`, where somebody listens outside; `abstract`, the name of an abstract socket. An escape
that fails says why, one that works says `OPEN` and what it got.
"""

from __future__ import annotations

import ctypes
import json
import mmap
import os
import platform
import signal
import socket
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

_libc = ctypes.CDLL(None, use_errno=True)
#: Numbers of system calls on x86_64 and aarch64.
_NUMBERS = {
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40), "chroot": (161, 51),
    "pivot_root": (155, 41), "keyctl": (250, 219), "add_key": (248, 217), "bpf": (321, 280),
    "perf_event_open": (298, 241), "io_uring_setup": (425, 425), "userfaultfd": (323, 282),
    "pidfd_open": (434, 434), "pidfd_getfd": (438, 438), "kexec_load": (246, 104),
    "init_module": (175, 105), "open_by_handle_at": (304, 265), "setuid": (105, 146),
    "kcmp": (312, 272), "fsopen": (430, 430), "open_tree": (428, 428), "move_mount": (429, 429),
    "mount_setattr": (442, 442), "quotactl": (179, 60), "syslog": (103, 116),
    "personality": (135, 92), "clone3": (435, 435), "memfd_secret": (447, 447),
    "name_to_handle_at": (303, 264), "process_madvise": (440, 440), "acct": (163, 89),
    "migrate_pages": (256, 238), "move_pages": (279, 239), "sethostname": (170, 161),
    "inotify_init1": (294, 26), "inotify_add_watch": (254, 27), "fanotify_init": (300, 262),
    "fanotify_mark": (301, 263),
    "clock_settime": (227, 112), "lookup_dcookie": (212, 18), "vhangup": (153, 58),
}  # fmt: skip
_ESCAPES: dict[str, Callable[[dict[str, Any]], str]] = {}


class Refused(Exception):
    """The escape failed."""


def escape(act: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], Any]:
    """Enter an escape: what it returns is what it got."""
    _ESCAPES[act.__name__] = act
    return act


def call(name: str, *arguments: Any) -> int:
    """Make a system call by its name; raises OSError."""
    number = _NUMBERS[name][platform.machine() == "aarch64"]
    wide = [ctypes.c_long(one) if isinstance(one, int) else one for one in arguments]
    result: int = _libc.syscall(ctypes.c_long(number), *wide)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


# The network.


@escape
def tcp_to_this_machine(to: dict[str, Any]) -> Any:
    with socket.create_connection(("127.0.0.1", to["port"]), timeout=3):
        return "connected"


@escape
def tcp_to_the_internet(to: dict[str, Any]) -> Any:
    with socket.create_connection(("1.1.1.1", 53), timeout=3):
        return "connected"


@escape
def udp(to: dict[str, Any]) -> Any:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        return sock.sendto(b"x", ("1.1.1.1", 53))


@escape
def raw_socket(to: dict[str, Any]) -> Any:
    return socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)


@escape
def packet_socket(to: dict[str, Any]) -> Any:
    return socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 3)


@escape
def netlink_socket(to: dict[str, Any]) -> Any:
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as sock:
        # In a network of its own it would tell of nothing but that.
        if os.stat("/proc/self/ns/net").st_ino != to["netns"]:
            raise Refused("another network")
        return sock


@escape
def vsock(to: dict[str, Any]) -> Any:
    with socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM) as sock:
        sock.settimeout(2)
        sock.connect((2, 1))
        return "connected"


@escape
def pathname_unix_socket(to: dict[str, Any]) -> Any:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.connect(to["socket"])
        return "connected"


@escape
def control_socket_of_the_daemon(to: dict[str, Any]) -> Any:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.connect(to["control"])
        return "connected"


@escape
def abstract_unix_socket(to: dict[str, Any]) -> Any:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.connect("\0" + to["abstract"])
        return "connected"


@escape
def datagram_by_a_pair(to: dict[str, Any]) -> Any:
    """One end of a pair may send to others than its other end."""
    mine, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with mine, other:
        return mine.sendto(b"x", to["datagrams"])


@escape
def datagram_by_a_raw_pair(to: dict[str, Any]) -> Any:
    """Which Linux takes for one of datagrams."""
    mine, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_RAW)
    with mine, other:
        return mine.sendto(b"x", to["datagrams"])


# Files.


@escape
def write_outside_home(to: dict[str, Any]) -> Any:
    return (Path(to["outside"]) / "mine").write_text("x")


@escape
def read_outside_home(to: dict[str, Any]) -> Any:
    return (Path(to["outside"]) / "secret").read_text()


@escape
def read_another_agents_home(to: dict[str, Any]) -> Any:
    return (Path(to["other"]) / "secret").read_text()


@escape
def list_all_homes(to: dict[str, Any]) -> Any:
    return os.listdir(Path(to["other"]).parent)


@escape
def read_ssh_keys(to: dict[str, Any]) -> Any:
    return os.listdir(os.path.expanduser("~root/.ssh")) or os.listdir("/root")


@escape
def read_shadow(to: dict[str, Any]) -> Any:
    return Path("/etc/shadow").read_text()[:4]


@escape
def read_tokens_and_secrets(to: dict[str, Any]) -> Any:
    state = Path(to["control"]).parent
    for name in ("tokens.json", "secrets.json", "journal"):
        try:
            return os.listdir(state / name) if name == "journal" else (state / name).read_text()
        except FileNotFoundError:
            continue
    raise Refused("not there")


@escape
def symlink_out_of_home(to: dict[str, Any]) -> Any:
    link = Path(f"link-{os.getpid()}")
    link.symlink_to(Path(to["outside"]) / "secret")
    return link.read_text()


@escape
def symlink_and_write(to: dict[str, Any]) -> Any:
    link = Path(f"write-{os.getpid()}")
    link.symlink_to(Path(to["outside"]) / "mine")
    return link.write_text("x")


@escape
def hardlink_into_home(to: dict[str, Any]) -> Any:
    os.link(Path(to["outside"]) / "secret", f"hard-{os.getpid()}")
    return Path(f"hard-{os.getpid()}").read_text()


@escape
def rename_out_of_home(to: dict[str, Any]) -> Any:
    mine = Path(f"mine-{os.getpid()}")
    mine.write_text("x")
    return mine.rename(Path(to["outside"]) / "moved")


@escape
def mode_of_a_file_outside(to: dict[str, Any]) -> Any:
    """Landlock looks at what is opened; a mode, and the like, is changed by a path."""
    return os.chmod(Path(to["outside"]) / "secret", 0o666) or "changed"


@escape
def mode_of_a_folder_outside(to: dict[str, Any]) -> Any:
    return os.chmod(to["outside"], 0o777) or "changed"


@escape
def mode_of_the_control_socket(to: dict[str, Any]) -> Any:
    return os.chmod(to["control"], 0o666) or "open to all users of the machine"


@escape
def owner_of_a_file_outside(to: dict[str, Any]) -> Any:
    return os.chown(Path(to["outside"]) / "secret", -1, -1) or "changed"


@escape
def times_of_a_file_outside(to: dict[str, Any]) -> Any:
    return os.utime(Path(to["outside"]) / "secret", (1, 1)) or "changed"


@escape
def attribute_of_a_file_outside(to: dict[str, Any]) -> Any:
    return os.setxattr(Path(to["outside"]) / "secret", "user.escape", b"x") or "changed"


@escape
def watch_the_owners_files(to: dict[str, Any]) -> Any:
    """The names of what others open and write, one by one."""
    watch = call("inotify_init1", 0)
    try:
        return call("inotify_add_watch", watch, to["outside"].encode(), 0xFFF)
    finally:
        os.close(watch)


@escape
def watch_files_by_fanotify(to: dict[str, Any]) -> Any:
    watch = call("fanotify_init", 0x200, 0)
    try:
        return call("fanotify_mark", watch, 1, 0x20, -100, to["outside"].encode())
    finally:
        os.close(watch)


@escape
def root_by_proc(to: dict[str, Any]) -> Any:
    return Path(f"/proc/self/root{to['outside']}/secret").read_text()


@escape
def folder_by_proc_of_another(to: dict[str, Any]) -> Any:
    return os.listdir(f"/proc/{to['pid']}/cwd/") or "empty"


@escape
def environment_of_another(to: dict[str, Any]) -> Any:
    return Path(f"/proc/{to['pid']}/environ").read_bytes()[:8]


@escape
def memory_of_another(to: dict[str, Any]) -> Any:
    with open(f"/proc/{to['pid']}/mem", "rb") as memory:
        return memory.fileno()


@escape
def descriptor_of_another(to: dict[str, Any]) -> Any:
    return os.listdir(f"/proc/{to['pid']}/fd")


@escape
def climb_by_chroot(to: dict[str, Any]) -> Any:
    return call("chroot", b"/")


@escape
def disk_device(to: dict[str, Any]) -> Any:
    for name in os.listdir("/dev"):
        if name.startswith(("sd", "vd", "nvme", "xvd", "loop")):
            with open(f"/dev/{name}", "rb") as disk:
                return disk.name
    raise Refused("no disk is seen")


@escape
def memory_device(to: dict[str, Any]) -> Any:
    with open("/dev/mem", "rb") as memory:
        return memory.read(1)


@escape
def kernel_message_device(to: dict[str, Any]) -> Any:
    with open("/dev/kmsg", "wb", 0) as log:
        return log.write(b"x")


@escape
def new_device(to: dict[str, Any]) -> Any:
    return os.mknod(f"device-{os.getpid()}", 0o20666, os.makedev(1, 1)) or "made"


@escape
def sysctl(to: dict[str, Any]) -> Any:
    return Path("/proc/sys/kernel/core_pattern").write_text("core")


@escape
def shared_memory_of_all(to: dict[str, Any]) -> Any:
    path = Path(to["shm"])
    return path.read_text()


# Processes.


@escape
def signal_another(to: dict[str, Any]) -> Any:
    os.kill(to["pid"], 0)
    return "may signal"


@escape
def signal_everybody(to: dict[str, Any]) -> Any:
    """Linux says that it was done even where nobody could be reached: whoever listens outside
    says whether it was."""
    os.kill(-1, signal.SIGURG)
    raise Refused("sent")


@escape
def signal_by_pidfd(to: dict[str, Any]) -> Any:
    process = call("pidfd_open", to["pid"], 0)
    try:
        signal.pidfd_send_signal(process, 0)
    finally:
        os.close(process)
    return "may signal"


@escape
def trace_another(to: dict[str, Any]) -> Any:
    return call("ptrace", 16, to["pid"], 0, 0)


@escape
def read_memory_of_another(to: dict[str, Any]) -> Any:
    return call("process_vm_readv", to["pid"], 0, 0, 0, 0, 0)


@escape
def descriptors_by_pidfd(to: dict[str, Any]) -> Any:
    process = call("pidfd_open", to["pid"], 0)
    try:
        return call("pidfd_getfd", process, 0, 0)
    finally:
        os.close(process)


@escape
def limits_of_another(to: dict[str, Any]) -> Any:
    import resource

    return resource.prlimit(to["pid"], resource.RLIMIT_NOFILE)


@escape
def rank_of_another(to: dict[str, Any]) -> Any:
    return os.setpriority(os.PRIO_PROCESS, to["pid"], 19) or "reniced"


@escape
def oom_score_below_all(to: dict[str, Any]) -> Any:
    return Path("/proc/self/oom_score_adj").write_text("-1000")


@escape
def become_root(to: dict[str, Any]) -> Any:
    if os.geteuid() == 0:
        held = [
            int(line.split()[1], 16)
            for line in Path("/proc/self/status").read_text().splitlines()
            if line.startswith(("CapEff", "CapPrm", "CapBnd"))
        ]
        if not any(held):
            raise Refused("root in name alone")
        return held
    return call("setuid", 0)


@escape
def setuid_program(to: dict[str, Any]) -> Any:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("NoNewPrivs") and line.split()[1] == "1":
            raise Refused("no_new_privs")
    return "a setuid program would have its rights"


@escape
def new_user_namespace(to: dict[str, Any]) -> Any:
    return call("unshare", 0x10000000)


@escape
def new_user_namespace_by_clone(to: dict[str, Any]) -> Any:
    number = 56 if platform.machine() == "x86_64" else 220
    child = _libc.syscall(ctypes.c_long(number), ctypes.c_long(0x10000000 | signal.SIGCHLD),
                          *[ctypes.c_long(0)] * 4)  # fmt: skip
    if child == 0:
        os._exit(0)
    if child < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    os.waitpid(child, 0)
    return "a namespace of its own, with all privileges in it"


@escape
def new_user_namespace_by_clone3(to: dict[str, Any]) -> Any:
    wanted = (ctypes.c_uint64 * 11)(0x10000000, 0, 0, 0, signal.SIGCHLD)
    child = call("clone3", ctypes.byref(wanted), ctypes.sizeof(wanted))
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    return "a namespace of its own, with all privileges in it"


@escape
def namespace_of_another(to: dict[str, Any]) -> Any:
    with open(f"/proc/{to['pid']}/ns/net") as namespace:
        return call("setns", namespace.fileno(), 0)


@escape
def mount_something(to: dict[str, Any]) -> Any:
    return call("mount", b"none", b"/tmp", b"tmpfs", 0, 0) or "mounted"


@escape
def mount_by_the_new_interface(to: dict[str, Any]) -> Any:
    return call("fsopen", b"tmpfs", 0)


@escape
def copy_the_tree_of_mounts(to: dict[str, Any]) -> Any:
    return call("open_tree", -100, b"/", 1)


@escape
def file_by_its_handle(to: dict[str, Any]) -> Any:
    handle = (ctypes.c_uint32 * 34)(8, 1, 2, 0)
    return call("open_by_handle_at", -100, ctypes.byref(handle), 0)


@escape
def keyring(to: dict[str, Any]) -> Any:
    return call("keyctl", 0, -4, 1)


@escape
def new_key(to: dict[str, Any]) -> Any:
    return call("add_key", b"user", b"escape", b"x", 1, -3)


@escape
def bpf(to: dict[str, Any]) -> Any:
    attributes = (ctypes.c_uint32 * 18)(2, 4, 4, 1)
    return call("bpf", 0, ctypes.byref(attributes), 72)


@escape
def perf(to: dict[str, Any]) -> Any:
    attributes = (ctypes.c_uint32 * 28)(1, 112)
    return call("perf_event_open", ctypes.byref(attributes), 0, -1, -1, 0)


@escape
def io_uring(to: dict[str, Any]) -> Any:
    parameters = (ctypes.c_uint32 * 30)()
    return call("io_uring_setup", 4, ctypes.byref(parameters))


@escape
def userfaultfd(to: dict[str, Any]) -> Any:
    return call("userfaultfd", 1)


@escape
def kernel_module(to: dict[str, Any]) -> Any:
    return call("init_module", b"x", 1, b"")


@escape
def another_kernel(to: dict[str, Any]) -> Any:
    return call("kexec_load", 0, 0, 0, 0) or "accepted"


@escape
def kernel_log(to: dict[str, Any]) -> Any:
    buffer = ctypes.create_string_buffer(64)
    return call("syslog", 3, buffer, 64)


@escape
def clock_of_the_machine(to: dict[str, Any]) -> Any:
    now = (ctypes.c_int64 * 2)(1, 0)
    return call("clock_settime", 0, ctypes.byref(now)) or "set"


@escape
def name_of_the_machine(to: dict[str, Any]) -> Any:
    return call("sethostname", b"escaped", 7) or "set"


@escape
def terminal_of_the_owner(to: dict[str, Any]) -> Any:
    with open("/dev/tty", "wb", 0) as terminal:
        return terminal.write(b"x")


# What a process inherits.


def _descriptors() -> dict[int, str]:
    found = {}
    for name in os.listdir("/proc/self/fd"):
        try:
            found[int(name)] = os.readlink(f"/proc/self/fd/{name}")
        except OSError:
            continue  # That of the listing itself.
    return found


#: What was open when this program began.
_BEGAN_WITH = _descriptors()


@escape
def inherited_descriptors(to: dict[str, Any]) -> Any:
    # An event loop has a few of its own by now, and no files among them.
    harmless = ("anon_inode:[event", "pipe:") + (("socket:",) if to.get("loop") else ())
    kept = {
        number: what
        for number, what in _BEGAN_WITH.items()
        if number > to.get("own", 2)
        and not what.startswith(harmless)
        and what not in (os.devnull, *(_BEGAN_WITH.get(one) for one in range(3)))
    }
    if not kept:
        raise Refused("none")
    return kept


@escape
def semaphores_and_memory_of_all(to: dict[str, Any]) -> Any:
    """What System V keeps between processes has no home."""
    number = 29 if platform.machine() == "x86_64" else 194
    made = _libc.syscall(ctypes.c_long(number), ctypes.c_long(0x616F73), ctypes.c_long(4096),
                         ctypes.c_long(0o1666))  # fmt: skip
    if made < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    if to.get("alone"):
        raise Refused("seen in its own namespace alone")
    return made


@escape
def executable_memory_file(to: dict[str, Any]) -> Any:
    """No escape by itself: what is executed is held as its parent is."""
    file = os.memfd_create("x")
    os.write(file, b"#!/bin/sh\ncat " + to["outside"].encode() + b"/secret\n")
    with tempfile.TemporaryFile(dir=".") as output:
        child = os.fork()
        if child == 0:
            os.dup2(output.fileno(), 1)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            try:
                os.execv(f"/proc/self/fd/{file}", ["x"])
            finally:
                os._exit(9)
        os.waitpid(child, 0)
        output.seek(0)
        if said := output.read():
            return said
    raise Refused("held as its parent")


@escape
def more_memory_than_allowed(to: dict[str, Any]) -> Any:
    with mmap.mmap(-1, 64 * 2**30, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as memory:
        return len(memory)


@escape
def file_larger_than_allowed(to: dict[str, Any]) -> Any:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    path = Path(f"large-{os.getpid()}")
    try:
        with path.open("wb") as file:
            os.ftruncate(file.fileno(), 2**40)
        return path.stat().st_size
    finally:
        path.unlink(missing_ok=True)


@escape
def core_dump(to: dict[str, Any]) -> Any:
    import resource

    if resource.getrlimit(resource.RLIMIT_CORE)[1] == 0:
        raise Refused("no dumps")
    return "a dump would be written"


def attempt(places: dict[str, Any]) -> list[tuple[str, str]]:
    """Try all; return the name of each and what became of it."""
    found = []
    for name, act in _ESCAPES.items():
        try:
            got = act(places)
        except Refused as refused:
            found.append((name, str(refused)))
        except (OSError, ValueError, MemoryError, OverflowError) as error:
            found.append((name, type(error).__name__ + f": {error}"))
        else:
            found.append((name, f"OPEN: {got!r}"))
    return found


def main(os_or_task: Any = None, task: str | None = None) -> None:
    """Be an agent, or a program."""
    for name, outcome in attempt(json.loads(task or sys.argv[1])):
        print(json.dumps([name, outcome]), flush=True)


if __name__ == "__main__":
    main()
