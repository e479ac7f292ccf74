"""What a test knows of a running app, and small helpers of the tests that need one."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
Script = dict[str, Any]


@dataclass(frozen=True)
class ServedApp:
    """An app: its address, what it is made of, where its votes go, and the page, if it is served."""

    url: str
    services: Any
    data_dir: Path
    demo: Any

    def rows(self) -> list[dict[str, str]]:
        """The votes as pandas reads them."""
        import pandas as pd

        path = self.data_dir / "votes.csv"
        if not path.exists():
            return []
        return pd.read_csv(path, dtype=str, keep_default_na=False).to_dict("records")

    def asked(self, side: str) -> list[Any]:
        """What the scripted backend of a side was asked: (messages, config) pairs."""
        pair = self.services.roster.first
        return next(backend for name, backend in pair.items() if name == side).requests

    def wait_until_idle(self) -> None:
        """Waits until no model answers any more; fails after a minute."""
        deadline = time.monotonic() + 60
        while any(backend._load._users for backend in self.services.roster):
            assert time.monotonic() < deadline, "the models still answer"
            time.sleep(0.05)


def handlers_of(page: Any, kind: type) -> Any:
    """The handlers of this class on a page."""
    return next(part for part in page.parts if isinstance(part, kind))


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def text_steps(text: str, delay: float = 0.0) -> list[Script]:
    """One step a character."""
    return [{"text": character, "delay": delay} for character in text]


def run(*arguments: str, folder: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs app.py to its end."""
    command = [sys.executable, str(ROOT / "app.py"), *arguments]
    environment = {**os.environ, **environment}
    options = {"cwd": folder, "env": environment, "timeout": 240}
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


def run_in_process(*arguments: str, folder: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs app.py to its end in this process, which spares the imports; where it must be a program: `run`."""
    from typer.testing import CliRunner

    from app import cli

    with contextlib.chdir(folder or Path.cwd()):
        result = CliRunner().invoke(cli, arguments, env=environment, catch_exceptions=False)
    return subprocess.CompletedProcess(arguments, result.exit_code, result.stdout, result.stderr)


def wait_for(url: str, seconds: float = 60) -> int:
    """The page's HTTP status once it answers."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + seconds
    while True:
        try:
            return int(opener.open(url).status)
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
