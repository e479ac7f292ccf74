"""The app as a process of its own on this machine, for as long as it is wanted. Knows not what is asked of it."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import httpx

from arena.errors import InputError

APP = Path(__file__).parents[2] / "app.py"
_PATIENCE = 120.0  # seconds until the page must be there


Served = AbstractContextManager[tuple[str, "subprocess.Popen[bytes]"]]


def served(answers: Path, data_dir: Path) -> Served:
    """Recorded answers alone; as `served_app`."""
    return served_app(["--answers", str(answers)], data_dir)


@contextmanager
def served_app(options: Sequence[str], data_dir: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The app on loopback: the page's address and the process. Raises InputError if it fails."""
    port = _free_port()
    data_dir.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, str(APP), *options, "--data-dir", str(data_dir), "--port", str(port)]
    with (data_dir / "server.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_for(url, process)
        yield url, process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + _PATIENCE
    while process.poll() is None and time.monotonic() < end:
        try:
            if httpx.get(url, trust_env=False).status_code == httpx.codes.OK:
                return
        except httpx.HTTPError:
            time.sleep(0.2)
    raise InputError("bench_failed", "The app was started and did not answer.")
