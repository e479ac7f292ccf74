"""A measurement in a process of its own, so that its memory and its threads are nobody else's. Knows no engine.

The request goes in as one line of JSON on stdin, which then stays open; JSON lines come back: {"progress": words}, and
at last {"result": ...} or {"error": line, "code": ...}.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import IO, Any

from arena.errors import ArenaError, BackendError
from bench.figures import Progress

ROOT = Path(__file__).parents[1]
# For a process that has closed its output already.
SECONDS_TO_END = 60


def run_module(module: str, request: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
    """The result of `serve` in `module`, run by this Python. Raises BackendError with its error, or how it ended."""
    return run_command([sys.executable, "-m", module], request, progress)


def run_command(
    command: list[str], request: Mapping[str, Any], progress: Progress, settings: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The same for any command that speaks so, with `settings` in its environment. It does not outlive this call."""
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as noise:
        try:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**os.environ, "PYTHONUTF8": "1", **(settings or {})},
                encoding="utf-8",
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=noise,
            )
        except OSError as error:
            raise BackendError("bench_failed", f"{command[0]} cannot be started: {error.strerror}.") from error
        with process:
            try:
                assert process.stdin and process.stdout
                _send(process.stdin, request)
                result = _result(process.stdout, progress)
                if result is None:
                    process.wait(SECONDS_TO_END)
            finally:
                # After its result a library may wait for threads for ever; what is wanted is here already.
                process.kill()
        if result is not None:
            return result
        noise.seek(0)
        raise _ended(process.returncode, noise.read().strip().splitlines())


def serve(measure: Callable[[dict[str, Any], Progress], Mapping[str, Any]]) -> None:
    """The other end: reads the request, measures, writes the result. Ends when whoever asked has ended."""
    # Libraries print what they like; on stdout it would stand between the lines.
    lines = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def say(**line: Any) -> None:
        lines.write(json.dumps(line) + "\n")
        lines.flush()

    try:
        request = json.loads(sys.stdin.readline())
        threading.Thread(target=_end_with_the_asker, daemon=True).start()
        say(result=measure(request, lambda words: say(progress=words)))
    except ArenaError as error:
        say(error=str(error), code=error.code)


def _end_with_the_asker() -> None:
    # stdin stays open as long as the other end lives: nobody is left with gigabytes that no one waits for.
    os.read(0, 1)
    os._exit(1)


def _send(pipe: IO[str], request: Mapping[str, Any]) -> None:
    try:
        pipe.write(json.dumps(request) + "\n")
        pipe.flush()
    except OSError:
        return  # it ended before it read: how, is said by its exit code


def _result(lines: Iterable[str], progress: Progress) -> dict[str, Any] | None:
    """The result among the lines, None if they end without one."""
    for text in lines:
        try:
            line = json.loads(text)
        except ValueError:
            continue  # not ours: code of a checkpoint may print
        if not isinstance(line, dict):
            continue
        if "error" in line:
            raise BackendError(str(line.get("code", "bench_failed")), str(line["error"]))
        if "result" in line:
            return dict(line["result"])
        progress(str(line.get("progress", "")))
    return None


def _ended(code: int, noise: list[str]) -> BackendError:
    if code == -signal.SIGKILL:
        return BackendError("bench_failed", "The measurement was killed, most likely because memory was short.")
    last = f": {noise[-1]}" if noise else ""
    return BackendError("bench_failed", f"The measurement {how_it_ended(code)} and no result{last}")


def how_it_ended(code: int) -> str:
    """A process's exit code in words: below 0 it is the signal that ended it."""
    return f"ended with {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
