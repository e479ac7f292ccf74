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
import tempfile
import time
from collections.abc import Callable, Iterator
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
# A Python that another user may run as well: that of the tests often lies in somebody's home.
PYTHON = shutil.which(f"python{sys.version_info.major}.{sys.version_info.minor}", path="/usr/local/bin:/usr/bin")
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
def place() -> Iterator[Path]:
    """A folder that every user can read, with a clone, which the Space's user cannot change, in `app`."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        place.chmod(0o755)
        subprocess.run(["git", "clone", "-q", str(ROOT), str(place / "app")], check=True)
        shutil.rmtree(place / "app" / "bench")
        yield place


class Space:
    """The running app. `begun` is when it was started, by time.monotonic."""

    def __init__(self, packages: Path, place: Path, environment: dict[str, str]) -> None:
        self.port = free_port()
        code, home = place / "app", place / "home"
        shutil.rmtree(home, ignore_errors=True)  # as at every restart
        home.mkdir()
        os.chown(home, USER, USER)
        self.log = home.with_suffix(".log").open("w", encoding="utf-8")
        self.begun = time.monotonic()
        self.process = subprocess.Popen(
            [str(PYTHON), str(code / "app.py")],
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
                "PYTHONPATH": str(packages),
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
        self.log.close()
        assert self.process.wait(60) == 0


@pytest.fixture
def start(hub: WholeHub, place: Path) -> Iterator[Callable[[], Space]]:
    """Starts the app anew, with a backup on the hub as its only setting."""
    (packages,) = python_with(ROOT / "requirements.txt").parents[1].glob("lib/*/site-packages")
    assert not (packages / "torch").exists()
    backup = {"HF_TOKEN": TOKEN, "ARENA_BACKUP": "hf:me/votes", "ARENA_JUDGE_KEY": "k" * 32}
    spaces: list[Space] = []

    def start() -> Space:
        spaces.append(Space(packages, place, {"HF_ENDPOINT": hub.url, **backup}))
        return spaces[-1]

    yield start
    for space in spaces:
        space.process.kill()
        space.process.wait()


@pytest.mark.skipif(os.getuid() != 0 or not PYTHON, reason="needs root, and a Python that all users can run")
def test_a_space_without_any_setting_answers_and_keeps_its_votes(
    hub: WholeHub, start: Callable[[], Space], place: Path, new_page: NewPage
) -> None:
    report: dict[str, float] = {}
    space = start()
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
    # The small model may write as much as it is allowed to.
    page.wait_for_selector("#phase[data-phase=vote]", state="attached", timeout=600_000)
    vote(page)
    shown = {page.locator(f"#head_{side} h2").inner_text() for side in "ab"}
    assert shown == {"Qwen3-1.7B", "GLM-Edge-1.5B"}
    status = Path(f"/proc/{space.process.pid}/status").read_text()
    report["peak memory in MB"] = int(status.partition("VmHWM:")[2].split()[0]) / 1e3
    assert not list((place / "app").rglob("__pycache__"))
    space.end()
    (kept,) = [data for name, data in hub.datasets.datasets["me/votes"].files.items() if name.endswith(".csv")]
    (row,) = csv.DictReader(kept.decode("utf-8-sig").splitlines())
    assert {row["model_a"].partition("=")[0], row["model_b"].partition("=")[0]} == shown

    start()
    assert [row["vote_id"]] == [
        vote["vote_id"] for path in (place / "home" / "data").glob("votes*.csv") for vote in rows(path)
    ]
    print(json.dumps({name: round(value, 1) for name, value in report.items()}), file=sys.stderr)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))
