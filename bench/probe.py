"""Runs a measurement in a process of its own, so that nothing else shares its memory and threads.

The request is one line of JSON on stdin, which stays open. Lines of JSON come back: {"progress": words}, and in the
end {"result": ...} or {"error": line, "code": ...}.
"""

import base64
import json
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from arena.errors import ArenaError, BackendError
from bench.resources import MemoryWatch

# Called with a few words about each step, since a measurement can take minutes.
Progress = Callable[[str], None]
# JSON values. Names end in their unit: _seconds, _ms, _bytes, _share.
Figures = dict[str, Any]
ROOT = Path(__file__).parents[1]
SERVE = "from bench.probe import serve; serve()"
_SECONDS_TO_EXIT = 60
_requested_at = time.monotonic()


def run(measure: Callable[..., Figures], *arguments: object, progress: Progress) -> Figures:
    """What `measure(*arguments, progress)` returns in a new process, and the process's peak memory.

    Raises BackendError if it fails.
    """
    call = base64.b64encode(pickle.dumps((measure, arguments))).decode()
    request = {"call": call, "requested_at": time.monotonic()}
    return run_command([sys.executable, "-c", SERVE], request, progress)


def seconds_since_request() -> float:
    """Seconds since the other process asked for this one; monotonic time is the same in all processes."""
    return time.monotonic() - _requested_at


def run_command(command: list[str], request: Mapping[str, Any], progress: Progress) -> Figures:
    """The result of a command that speaks the protocol. Raises BackendError."""
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as stderr:
        try:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**os.environ, "PYTHONUTF8": "1"},
                encoding="utf-8",
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
            )
        except OSError as error:
            raise BackendError("bench_failed", f"{command[0]} cannot be started: {error.strerror}.") from error
        with process:
            try:
                assert process.stdin and process.stdout
                # A process that ended before it read is known by its exit code.
                with suppress(OSError):
                    process.stdin.write(json.dumps(request) + "\n")
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

    request = json.loads(sys.stdin.readline())
    threading.Thread(target=exit_with_parent, daemon=True).start()
    try:
        _requested_at = request["requested_at"]
        watch = MemoryWatch()
        measure, arguments = pickle.loads(base64.b64decode(request["call"]))
        result = measure(*arguments, lambda words: send(progress=words))
        send(result={**result, **watch.peak()})
    except ArenaError as error:
        send(error=str(error), code=error.code)


def _result(lines: Iterable[str], progress: Progress) -> Figures | None:
    for text in lines:
        try:
            line = json.loads(text)
        except ValueError:
            continue  # not of the protocol: a library may print
        if not isinstance(line, dict):
            continue
        if "error" in line:
            raise BackendError(str(line.get("code", "bench_failed")), str(line["error"]))
        if "result" in line:
            return dict(line["result"])
        progress(str(line.get("progress", "")))
    return None


def _failure(code: int, stderr: list[str]) -> BackendError:
    if code == -signal.SIGKILL:
        return BackendError("bench_failed", "The measurement was killed, most likely because memory ran out.")
    ending = f"with {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
    last = f": {stderr[-1]}" if stderr else ""
    return BackendError("bench_failed", f"The measurement ended {ending} and no result{last}")
