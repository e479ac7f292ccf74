"""Fixtures for tests that need the whole app: it is put together by app.py and served from this very process."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from dataset_hub import TOKEN, DatasetHub
from hypothesis import HealthCheck, settings
from served_app import ROOT, Script, ServedApp, free_port, text_steps

from backends.machine import share_cores

# They need other packages and run in an environment of their own: see the Makefile.
collect_ignore = ["exports"]

# A busy machine takes its time over one example.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")

# Before any test imports torch. Workers of pytest share the cores: more threads in each would wait for each other.
share_cores()
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# What a shell runs in the background ignores Ctrl-C, and so would the programs that tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

TESTS = ROOT / "tests"
# Left out by `make check`: tests that start programs or servers, load models, compile, or simulate many classes.
SLOW = (
    "arena/results/test_one_verdict.py",
    "arena/results/test_verdict.py",
    "arena/votes/test_votes_crash.py",
    "arena/votes/test_votes_killed.py",
    "arena/statistics",
    "backends/families",
    "backends/fetching",
    "backends/folder/test_adapters.py",
    "backends/hf",
    "backends/packed",
    "backends/stepping",
    "backends/test_contract.py",
    "backends/test_llama_cpp.py",
    "backends/test_openai.py",
    "backup",
    "bench",
    "commands",
    "project/test_install.py",
    "ui/gradio/test_fuzz.py",
)


def _is_slow(path: Path) -> bool:
    return path.is_relative_to(TESTS) and path.relative_to(TESTS).as_posix().startswith(SLOW)


for name in SLOW:
    assert (TESTS / name).exists(), f"SLOW in tests/conftest.py names {name}, which does not exist"


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Spares `make check` the import of files whose tests it all leaves out: that of torch alone takes seconds."""
    left_out = "not slow" in config.option.markexpr and _is_slow(collection_path)
    left_out |= "not browser" in config.option.markexpr and collection_path == TESTS / "browser"
    return left_out or None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks as slow what SLOW names, and puts the long files first, so that no worker ends with one of them."""
    for item in items:
        if _is_slow(item.path):
            item.add_marker(pytest.mark.slow)

    def rank(item: pytest.Item) -> int:
        return 0 if "browser" in item.path.parts else 1 if item.get_closest_marker("slow") else 2

    items.sort(key=rank)


@contextmanager
def _serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., ServedApp]]:
    """Serves two models (names or scripts) until the block ends."""
    import app
    from arena.prompts import load_prompts
    from commands.hosting import Hosting
    from commands.options import choose_models
    from ui.gradio.compat import import_gradio

    app.prepare_environment()
    import_gradio()
    from commands.compose import compose
    from ui.page import build_page

    demos = []

    def start(
        a: str | Script,
        b: str | Script,
        lang: str = "",
        load: bool = True,
        answers: list[Script] | None = None,
        data_dir: Path | None = None,
        admin_token: str = "",
        local: bool = False,
        more: Sequence[str | Script] = (),
        to_add: Sequence[str] = (),
        page: bool = True,
    ) -> ServedApp:
        """`a` and `b` may be "" where recorded answers are judged without any model; `more` are further models, and
        `to_add` the names of those that the test adds by itself. Without a `page` nothing is served."""
        place = tmp_path_factory.mktemp("app")
        names = []
        for side, model in zip("abcdefgh", (a, b, *more), strict=False):
            if isinstance(model, dict):
                path = place / f"{side}.json"
                path.write_text(json.dumps({"id": f"script-{side}", **model}), encoding="utf-8")
                model = f"scripted:{path}"
            names.append(model)
        data_dir = data_dir or place / "data"
        prompts = load_prompts(ROOT / "prompts.json")
        if answers:
            path = place / "answers.jsonl"
            path.write_text("\n".join(json.dumps(answer) for answer in answers), encoding="utf-8")
        specs = choose_models(*filter(None, names)) if any(names) else ()
        hosting = Hosting(
            data_dir=data_dir,
            to_add=tuple(to_add),
            lang=lang,
            admin_token=admin_token,
            answers=path if answers else None,
            is_local=local,
        )
        services = compose(specs, prompts, hosting)
        url, demo = "", None
        if page:
            demo, keywords = build_page(services)
            port = free_port()
            demo.launch(server_name="127.0.0.1", server_port=port, prevent_thread_lock=True, quiet=True, **keywords)
            demos.append(demo)
            url = f"http://127.0.0.1:{port}/"
        for backend in services.roster if load else ():
            backend.load()
        return ServedApp(url, services, data_dir, demo)

    yield start
    # Each may wait five seconds for connections that a browser has left open.
    with ThreadPoolExecutor(len(demos) or 1) as pool:
        list(pool.map(lambda demo: demo.close(verbose=False), demos))


@pytest.fixture(scope="module")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., ServedApp]]:
    """Serves two models (names or scripts) until the module's tests are done."""
    with _serving(tmp_path_factory) as start:
        yield start


@pytest.fixture(scope="module")
def put_together(serve: Callable[..., ServedApp]) -> Callable[..., ServedApp]:
    """Does what `serve` does but for the page: for tests that call the handlers of a page of their own."""
    return partial(serve, page=False)


@pytest.fixture(scope="session")
def scripted_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedApp]:
    """Two scripts that answer at once, slowly, for ever, with an error, or with nothing, as the prompt asks."""
    common = [
        {"match": "slow", "steps": [{"text": "tick ", "delay": 0.5, "times": 6000}]},
        {"match": "empty", "steps": []},
        {"match": "code", "steps": text_steps("    if x:\n\ty  \n\n")},
        {"match": "long", "steps": [{"text": "word ", "times": 400}]},
    ]
    fine = [{"match": "", "steps": [{"text": "好的，", "delay": 0.02, "times": 10}, {"text": "done."}]}]
    boom = [{"match": "boom", "steps": [{"text": "Well", "times": 5}, {"raise": "out of memory"}]}]
    hang = [{"match": "hang", "steps": [{"text": "Hm"}, {"hang": True}]}]
    with _serving(tmp_path_factory) as start:
        yield start({"answers": common + fine, "slots": 8}, {"answers": common + boom + hang + fine, "slots": 8})


@pytest.fixture(scope="session")
def embedded_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedApp]:
    """The embedded model at its two temperatures, as a newcomer gets it."""
    with _serving(tmp_path_factory) as start:
        yield start("smollm2-135m-t0.2", "smollm2-135m-t1.0")


@pytest.fixture
def eventually():
    """Whether a condition comes true within a minute."""

    def wait(holds, seconds=60.0):
        end = time.monotonic() + seconds
        while not (held := holds()) and time.monotonic() < end:
            time.sleep(0.01)
        return held

    return wait


@pytest.fixture
def gate():
    """An event to wait at. Opened at the end, so that no thread outlives its test."""
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def threads_return(eventually):
    """Whether all threads that were started since the test began are gone, after a moment."""
    before = set(threading.enumerate())
    return lambda: eventually(lambda: set(threading.enumerate()) <= before)


@pytest.fixture
def hub_addresses(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., None]:
    """Points the two libraries elsewhere, with nobody logged in and models in a folder of the test."""
    from huggingface_hub import constants

    monkeypatch.setenv("ARENA_MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setenv("MODELSCOPE_HOME", str(tmp_path / "home"))
    for name in ("MODELSCOPE_API_TOKEN", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)

    def point(huggingface: str, modelscope: str) -> None:
        # The library has read HF_ENDPOINT as it was imported; the command line's tests set the variable itself.
        monkeypatch.setattr(constants, "ENDPOINT", huggingface)
        monkeypatch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", huggingface + "/{repo_id}/resolve/{revision}/{filename}"
        )
        monkeypatch.setattr("huggingface_hub.hf_api.ENDPOINT", huggingface, raising=False)
        monkeypatch.setenv("MODELSCOPE_ENDPOINT", modelscope)

    return point


@pytest.fixture
def hub(hub_addresses: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> Iterator[DatasetHub]:
    """A hub with datasets, which both libraries take for theirs, with somebody logged in."""
    sleep = time.sleep
    with DatasetHub().serving() as running:
        hub_addresses(running.url, running.url)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        monkeypatch.setenv("MODELSCOPE_API_TOKEN", TOKEN)
        # The libraries wait half a minute between their own tries.
        monkeypatch.setattr(time, "sleep", lambda seconds: sleep(min(seconds, 0.05)))
        monkeypatch.setattr("modelscope_hub._download.DOWNLOAD_RETRY_MAX_DELAY_SECONDS", 0.05)
        yield running
