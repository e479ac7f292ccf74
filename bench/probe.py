"""Runs a measurement in a process of its own, so that nothing else shares its memory and threads.

The request is pickled on stdin, which stays open. Lines of JSON come back: {"progress": words}, and in the
end {"result": ...} or {"error": line, "code": ...}.
"""

import json
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from arena.errors import ArenaError, BackendError
from backends.machine.memory import process_bytes

# Called with a few words about each step, since a measurement can take minutes.
Progress = Callable[[str], None]
# JSON values. Names end in their unit: _seconds, _ms, _bytes, _share.
Figures = dict[str, Any]
ROOT = Path(__file__).parents[1]
SERVE = "from bench.probe import serve; serve()"
_SECONDS_TO_EXIT = 60
_WATCH_SECONDS = 0.05
_requested_at = time.monotonic()


def run(measure: Callable[..., Figures], *arguments: object, progress: Progress) -> Figures:
    """What `measure(*arguments, progress)` returns in a new process, and the process's peak memory.

    Raises BackendError if it fails.
    """
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-c", SERVE],
            cwd=ROOT,
            env={**os.environ, "PYTHONUTF8": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
        )
        with process:
            try:
                assert process.stdin and process.stdout
                # A process that ended before it read is known by its exit code.
                with suppress(OSError):
                    pickle.dump((measure, arguments, time.monotonic()), process.stdin)
                    process.stdin.flush()
                result = _result(process.stdout, progress)
                if result is None:
                    process.wait(_SECONDS_TO_EXIT)
            finally:
                # After its result a library may wait for its threads forever.
                process.kill()
        if result is not None:
            return result
        stderr.seek(0)
        raise _failure(process.returncode, stderr.read().strip().splitlines())


def seconds_since_request() -> float:
    """Seconds since the other process asked for this one; monotonic time is the same in all processes."""
    return time.monotonic() - _requested_at


def serve() -> None:
    """The other end: reads the request, measures and writes the result. Its process ends when the asking one does."""
    global _requested_at
    # Other code may print, which would mix with the protocol: it gets stderr instead.
    lines = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def send(**line: Any) -> None:
        lines.write(json.dumps(line) + "\n")
        lines.flush()

    def exit_with_parent() -> None:
        # stdin closes when the parent ends. Gigabytes of memory must not outlive it.
        os.read(0, 1)
        os._exit(1)

    measure, arguments, _requested_at = pickle.load(sys.stdin.buffer)
    threading.Thread(target=exit_with_parent, daemon=True).start()
    try:
        watch = MemoryWatch()
        result = measure(*arguments, lambda words: send(progress=words))
        send(result={**result, **watch.peak()})
    except ArenaError as error:
        send(error=str(error), code=error.code)


class MemoryWatch:
    """Samples this process's memory, since the system keeps no peak of what is not backed by a file."""

    def __init__(self) -> None:
        self.own_bytes = 0  # the peak so far of what is not backed by a file
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def peak(self) -> dict[str, int]:
        """Stops sampling; returns the peak of all resident memory, and of the part that is not backed by a file."""
        self._ended.set()
        self._thread.join()
        self._sample()
        return {"peak_bytes": process_bytes("VmHWM") or 0, "own_peak_bytes": self.own_bytes}

    def _watch(self) -> None:
        while not self._ended.wait(_WATCH_SECONDS):
            self._sample()

    def _sample(self) -> None:
        # Pages of mapped weights belong to the system, which may take them back: they do not count here.
        self.own_bytes = max(self.own_bytes, (process_bytes("RssAnon") or 0) + (process_bytes("RssShmem") or 0))


def _result(lines: Iterable[bytes], progress: Progress) -> Figures | None:
    for line in map(json.loads, lines):
        if "error" in line:
            raise BackendError(line["code"], line["error"])
        if "result" in line:
            return dict(line["result"])
        progress(line["progress"])
    return None


def _failure(code: int, stderr: list[str]) -> BackendError:
    if code == -getattr(signal, "SIGKILL", 9):  # Windows has none
        return BackendError("bench_failed", "The measurement was killed, most likely because memory ran out.")
    ending = f"with {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
    last = f": {stderr[-1]}" if stderr else ""
    return BackendError("bench_failed", f"The measurement ended {ending} and no result{last}")
