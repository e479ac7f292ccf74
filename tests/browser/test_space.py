"""A duplicated Space from nothing to a vote, under its rules: its packages, user, environment and read-only code.

The hub is played on the loopback; its two models are the embedded one under the names of the small pair.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from dataset_hub import TOKEN, DatasetHub
from environments import python_with
from hub_server import HubServer
from served_app import ROOT, free_port, wait_for
from whole_hub import WholeHub

from backends.folder.gguf import model_file
from backends.models.catalog import EMBEDDED
from tests.browser.conftest import NewPage
from tests.browser.hands import ask, choose_mode, vote, wait_ready

pytestmark = pytest.mark.extra

# A Space runs as this user, whose home is all that can be written beside /tmp.
USER = 1000
QWEN, GLM = (
    ("Qwen/Qwen3-1.7B-GGUF", "Qwen3-1.7B-Q8_0.gguf"),
    ("zai-org/glm-edge-1.5b-chat-gguf", "ggml-model-Q8_0.gguf"),
)


@pytest.fixture
def hub() -> Iterator[WholeHub]:
    weights = model_file(next(iter(EMBEDDED.values()))).read_bytes()
    with ExitStack() as stack:
        models = [
            stack.enter_context(HubServer({file: weights}, repo, digit * 40).serving())
            for (repo, file), digit in ((QWEN, "a"), (GLM, "b"))
        ]
        datasets = stack.enter_context(DatasetHub().serving())
        yield stack.enter_context(WholeHub(models, datasets).serving())


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """What a Space has of the project: a clone, which its user cannot change."""
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    folder = tmp_path / "app"
    subprocess.run(["git", "clone", "-q", str(ROOT), str(folder)], check=True)
    shutil.rmtree(folder / "bench")
    return folder


class Space:
    """The running app. `begun` is when it was started, by time.monotonic."""

    def __init__(self, python: Path, code: Path, home: Path, environment: dict[str, str]) -> None:
        self.port = free_port()
        shutil.rmtree(home, ignore_errors=True)  # as at every restart
        home.mkdir()
        os.chown(home, USER, USER)
        self.log = home.with_suffix(".log").open("w", encoding="utf-8")
        self.begun = time.monotonic()
        self.process = subprocess.Popen(
            [str(python), str(code / "app.py")],
            cwd=home,
            user=USER,
            group=USER,
            extra_groups=[],
            stdout=self.log,
            stderr=subprocess.STDOUT,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(home),
                "LANG": "C.UTF-8",
                "PYTHONDONTWRITEBYTECODE": "1",
                "SYSTEM": "spaces",
                "SPACE_ID": "somebody/arena",
                "GRADIO_SERVER_NAME": "127.0.0.1",
                "GRADIO_SERVER_PORT": str(self.port),
                **environment,
            },
        )
        wait_for(self.url)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def end(self) -> None:
        """Ends it as the host does, and waits until its votes are in the dataset."""
        self.process.terminate()
        assert self.process.wait(60) == 0
        self.log.close()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can start a program as another user")
def test_a_space_without_any_setting_answers_and_keeps_its_votes(
    hub: WholeHub, code: Path, new_page: NewPage, tmp_path: Path
) -> None:
    python = python_with(ROOT / "requirements.txt")
    assert not list(python.parents[1].glob("lib/*/site-packages/torch"))
    environment = {
        "HF_ENDPOINT": hub.url,
        "HF_TOKEN": TOKEN,
        "ARENA_BACKUP": "hf:me/votes",
        "ARENA_JUDGE_KEY": "k" * 32,
    }
    report: dict[str, float] = {}
    space = Space(python, code, tmp_path / "home", environment)
    report["page after seconds"] = time.monotonic() - space.begun
    page = new_page(space.url).page
    wait_ready(page)
    page.wait_for_selector("#demo_words a[href*='?a=']")
    report["models after seconds"] = time.monotonic() - space.begun
    page.reload()
    wait_ready(page)
    choose_mode(page, "blind")
    ask(page, "What is the capital of France?")
    page.wait_for_function("['a', 'b'].some(s => document.querySelector(`#pane_${s} [data-testid=bot]`))")
    report["first token after seconds"] = time.monotonic() - space.begun
    vote(page)
    shown = {page.locator(f"#head_{side} h2").inner_text() for side in "ab"}
    assert shown == {"Qwen3-1.7B", "GLM-Edge-1.5B"}
    status = Path(f"/proc/{space.process.pid}/status").read_text()
    report["peak memory in MB"] = int(status.partition("VmHWM:")[2].split()[0]) / 1e3
    assert not list(code.rglob("__pycache__"))
    space.end()
    (kept,) = [data for name, data in hub.datasets.datasets["me/votes"].files.items() if name.endswith(".csv")]
    (row,) = csv.DictReader(kept.decode("utf-8-sig").splitlines())
    assert {row["model_a"].partition("=")[0], row["model_b"].partition("=")[0]} == shown

    again = Space(python, code, tmp_path / "home", environment)
    try:
        restored = tmp_path / "home" / "data"
        assert [row["id"]] == [vote["id"] for path in restored.glob("votes*.csv") for vote in rows(path)]
    finally:
        again.end()
    print(json.dumps({name: round(value, 1) for name, value in report.items()}), file=sys.stderr)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))
