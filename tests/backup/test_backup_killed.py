"""The backup of the whole app as a process of its own: at its end, at its start, and killed in the middle."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

from dataset_hub import TOKEN, DatasetHub
from served_app import ROOT, free_port
from test_backup import NAME, copy_once, give, ids, never_shorter, remote_votes

from backup.votes import STATE, Copies, load_copies


def start_app(port: int, data: Path, hub: DatasetHub) -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ARENA_", "GRADIO_"))}
    environment |= {"ARENA_BACKUP": f"hf:{NAME}", "HF_ENDPOINT": hub.url, "HF_TOKEN": TOKEN, "HF_HUB_OFFLINE": "0"}
    environment |= {"ARENA_JUDGE_KEY": "the key of the test"}
    command = [sys.executable, str(ROOT / "app.py"), "--port", str(port), "--data-dir", str(data)]
    for side in "ab":
        script = data.parent / f"{side}.json"
        script.write_text(json.dumps({"id": f"script-{side}", "answers": []}), encoding="utf-8")
        command += [f"--{side}", f"scripted:{script}"]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def served(process: subprocess.Popen[str], port: int) -> None:
    assert process.stdout is not None
    assert process.stdout.readline().strip() == f"Serving on http://127.0.0.1:{port}"
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10) as answer:
        assert answer.status == 200


def test_the_app_copies_at_its_end_and_brings_back_at_its_start(hub: DatasetHub, tmp_path: Path) -> None:
    port, data = free_port(), tmp_path / "first"
    app = start_app(port, data, hub)
    served(app, port)
    give(data, 1, 2, 3)
    app.send_signal(signal.SIGTERM)
    assert app.wait(60) == 0
    assert remote_votes(hub, tmp_path) == ["vote-1", "vote-2", "vote-3"]
    again = start_app(port, tmp_path / "second", hub)
    served(again, port)
    assert ids(tmp_path / "second") == ["vote-1", "vote-2", "vote-3"]
    again.kill()
    again.wait()
    assert never_shorter(hub)


def test_a_replica_killed_in_the_middle_of_a_copy_loses_nothing_that_was_there(hub: DatasetHub, tmp_path: Path) -> None:
    port, data = free_port(), tmp_path / "first"
    arrived, go_on = threading.Event(), threading.Event()
    give(data, 1)
    copy_once(f"hf:{NAME}", data)

    def hold() -> None:
        arrived.set()
        go_on.wait(60)

    give(data, 2)
    hub.faults.before_commit = hold
    app = start_app(port, data, hub)
    assert arrived.wait(60)
    app.kill()
    app.wait()
    hub.faults.before_commit = lambda: None
    go_on.set()  # and it happens after all
    end = time.monotonic() + 60
    while len(hub.datasets[NAME].commits) < 2 and time.monotonic() < end:
        time.sleep(0.05)
    give(data, 3)
    copy_once(f"hf:{NAME}", data)
    assert remote_votes(hub, tmp_path) == ["vote-1", "vote-2", "vote-3"] and never_shorter(hub)
    assert json.loads((data / STATE).read_text())["replica"] == load_copies(data).replica
    assert isinstance(load_copies(data), Copies)
