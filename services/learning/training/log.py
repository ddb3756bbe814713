"""The log of a job's curves, in the format of TensorBoard.

Written here and not by TensorBoard's own writer, whose thread lives on after a full disk.

Interface:
    CurveLog        add, flush, close
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import IO, Any

from .extras import require
from .failures import writing


class CurveLog:
    """Curves in one event file, each value of them."""

    def __init__(self, folder: Path, step: int = 0) -> None:
        """`step`: what the work goes on after; what an earlier run wrote past it is void."""
        require("tensorboard")
        from tensorboard.compat.proto.event_pb2 import Event, SessionLog
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.summary.writer.record_writer import RecordWriter

        self._event, self._summary = Event, Summary
        with writing("the log"):
            folder.mkdir(parents=True, exist_ok=True)
            name = f"events.out.tfevents.{time.time():017.6f}.{os.getpid()}"
            self._file: IO[bytes] = (folder / name).open("wb")
            self._records = RecordWriter(self._file)
            self._write(file_version="brain.Event:2")
            # TensorBoard forgets what it has read of later steps.
            self._write(step=step + 1, session_log=SessionLog(status=SessionLog.START))
        self.flush()

    def add(self, step: int, metrics: dict[str, float]) -> None:
        """Note values of a step. Raises `InputOutputError`."""
        values = [
            self._summary.Value(tag=name, simple_value=value) for name, value in metrics.items()
        ]
        with writing("the log"):
            self._write(step=step, summary=self._summary(value=values))

    def flush(self) -> None:
        """Bring it to the file. Raises `InputOutputError`."""
        with writing("the log"):
            self._file.flush()

    def close(self) -> None:
        """Close the file; whether its end could be written is no matter any more."""
        try:
            self._file.close()
        except OSError:
            pass

    def _write(self, **what: Any) -> None:
        event = self._event(wall_time=time.time(), **what)
        self._records.write(event.SerializeToString())
