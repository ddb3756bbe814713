"""A process of the kernel's that speaks on its socket what it must not; a program of its own.

python forger.py FORGERY [NUMBER]       prints what the kernel says to it, or `hung up`
"""

from __future__ import annotations

import socket
import struct
import sys

from llmagentos.syscalls.codec import Decoder, pack, pack_frame, unpack
from llmagentos.syscalls.message import VERSION, Kind


def frames(forgery: str, number: int) -> list[bytes]:
    """Return what is sent, before an honest call that shows whether one is still served."""
    empty = pack({})
    everybody = range(1, number + 1)
    match forgery:
        case "behalf":
            return [
                pack_frame(
                    (VERSION, Kind.REQUEST, 100 + one, "clock.now", 5.0, None, behalf), empty
                )
                for one, behalf in enumerate([*everybody, -1, -2, 2**40, True, "1", 0])
            ]
        case "reply":
            return [
                pack_frame((VERSION, Kind.REPLY, one, None), pack({"sender": 1, "body": "forged"}))
                for one in everybody
            ]
        case "error":
            return [
                pack_frame((VERSION, Kind.ERROR, one, "EPERM"), pack(["forged", {}]))
                for one in everybody
            ]
        case "item":
            return [pack_frame((VERSION, Kind.ITEM, one), pack("forged")) for one in everybody]
        case "cancel":
            return [pack_frame((VERSION, Kind.CANCEL, one)) for one in everybody]
        case "credit":
            return [pack_frame((VERSION, Kind.CREDIT, one, 10**9)) for one in everybody]
        case "taint":
            return [pack_frame((VERSION, Kind.SIGNAL, one, "TAINT", "forged")) for one in everybody]
        case "usage":
            return [
                pack_frame((VERSION, Kind.SIGNAL, one, "USAGE", {"tokens": -1e9}))
                for one in everybody
            ]
        case "caller":  # Fields that the kernel alone writes.
            header = (VERSION, Kind.REQUEST, 5, "ipc.recv", 0.2, None, None, 1, "root", [0], False)
            return [pack_frame(header, empty)]
        case "kind":
            return [pack_frame((VERSION, 99, 1))]
        case "version":
            return [pack_frame((VERSION + 1, Kind.REQUEST, 1, "clock.now", 1.0, None, None), empty)]
        case "length":
            return [struct.pack("!IH", 2**32 - 1, 65535) + b"x" * 100]
        case "head":
            return [struct.pack("!IH", 12, 10) + b"\x93" * 10]
        case "nested":
            return [struct.pack("!IH", 60_002, 60_000) + b"\x91" * 60_000]
        case "names":
            return [
                pack_frame((VERSION, Kind.REQUEST, one, name, 5.0, None, None), empty)
                for one, name in enumerate(
                    ["clock.now\n", "\x1b[2J", "system", "../x", "a" * 60_000, ""], 100
                )
            ]
        case "numbers":
            return [
                pack_frame((VERSION, Kind.REQUEST, one, "clock.now", 5.0, None, None), empty)
                for one in (0, -1)
            ]
    raise SystemExit(f"there is no forgery {forgery}")


def main() -> None:
    """Forge, then make one honest call, and print all that comes."""
    number = int(sys.argv[2]) if len(sys.argv) > 2 else 50
    with socket.socket(fileno=3) as sock:
        sock.settimeout(20)
        try:
            for frame in frames(sys.argv[1], number):
                sock.sendall(frame)
            sock.sendall(
                pack_frame((VERSION, Kind.REQUEST, 7, "clock.now", 5.0, None, None), pack({}))
            )
            decoder = Decoder()
            while data := sock.recv(65536):
                for header, body in decoder.feed(data):
                    said = unpack(body) if header[1] in (Kind.REPLY, Kind.ERROR) else None
                    print(Kind(header[1]).name, header[2], *header[3:4], said, flush=True)
                    if header[2] == 7:
                        return
        except ConnectionError:
            pass
    print("hung up", flush=True)


if __name__ == "__main__":
    main()
