"""Scripts, the embedded model loaded once, and what tells whether a stream left anything behind."""

import json
import os
import threading
from dataclasses import replace
from itertools import accumulate, count

import pytest
from model_folders import DATA, ORACLES, TINY, copied, make_talkative
from opened import open_backends
from packing_jobs import ORIGINALS

from arena.battle import fold
from arena.generation_config import GenerationConfig
from arena.types import Answer, Chunk, Message
from backends.folder.packed import PackedInfo
from backends.hf.backend import load_engine
from backends.models.catalog import EMBEDDED
from backends.models.resolve import folder_spec
from backends.packed.pack import Job, pack
from backends.scripted import ScriptedBackend, scripted_spec
from backends.stepping.scheduler import Scheduler


@pytest.fixture
def write_script(tmp_path):
    """Writes a script of the given keys; returns its path."""
    numbers = count(1)

    def write(**script):
        path = tmp_path / f"script-{next(numbers)}.json"
        path.write_text(json.dumps(script), encoding="utf-8")
        return path

    return write


@pytest.fixture
def scripted(write_script):
    """Makes a ScriptedBackend of one answer's steps, or of `answers`; other keywords are keys of the script."""

    def make(*steps, **script):
        return ScriptedBackend(scripted_spec(write_script(**{"answers": [{"steps": steps}], **script})))

    return make


@pytest.fixture(scope="session")
def embedded():
    """All catalogue entries by id, the embedded model loaded once, where the environment names a dead proxy."""
    backends = dict(zip(EMBEDDED, open_backends(list(EMBEDDED.values())), strict=True))
    with pytest.MonkeyPatch.context() as patch:
        name_dead_proxies(patch)
        # One thread: where others compute too, two wait for each other and are many times slower.
        patch.setattr(os, "sched_getaffinity", lambda pid: {0})
        list(backends["smollm2-135m"].stream([Message("user", "Hi")], GenerationConfig(max_new_tokens=1)))
    yield backends
    for backend in backends.values():
        backend.close()


def name_dead_proxies(patch):
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        patch.setenv(name, "http://127.0.0.1:9")
        patch.setenv(name.upper(), "http://127.0.0.1:9")
    patch.delenv("no_proxy", raising=False)
    patch.delenv("NO_PROXY", raising=False)


@pytest.fixture
def dead_proxies(monkeypatch):
    """An environment whose proxies all lead to a port where nobody listens."""
    name_dead_proxies(monkeypatch)


@pytest.fixture(scope="session")
def engine(embedded):
    """The llama.cpp engine that the catalogue's entries share."""
    return returned(embedded["smollm2-135m"]._load.wait())


@pytest.fixture(scope="session")
def scheduler():
    """Where engines that tests open by themselves compute, on one core."""
    return Scheduler(1)


@pytest.fixture(scope="session")
def talkative(tmp_path_factory, scheduler):
    """By family, the spec and the engine of a tiny original folder that talks on in whole words."""
    created = {}

    def get(family, packed=False):
        if (family, packed) not in created:
            folder = copied(ORACLES / TINY[family], tmp_path_factory.mktemp("talkative") / family)
            make_talkative(folder, family)
            spec = replace(folder_spec(packed_beside(folder) if packed else folder), context_length=4096)
            created[family, packed] = spec, load_engine(spec, scheduler)
        return created[family, packed]

    return get


def returned(generator):
    """What a generator returns in the end."""
    while True:
        try:
            next(generator)
        except StopIteration as end:
            return end.value


def packed_beside(folder):
    """The folder in 4 bits."""
    job = Job(folder, folder.with_name(f"{folder.name}@int4"), PackedInfo("int4", 32, "nearest", folder.name, "rev"))
    pack(job, lambda done, total, name: None)
    return job.target


@pytest.fixture
def value_of():
    """What a generator returns in the end."""
    return returned


@pytest.fixture
def answer_of():
    """The answer that chunks add up to."""

    def add_up(chunks):
        *_, answer = accumulate(chunks, fold, initial=Answer())
        return answer

    return add_up


@pytest.fixture
def texts_of():
    """The texts that a reader sees one after the other while chunks arrive."""
    return lambda chunks: [answer.text for answer in accumulate(chunks, fold, initial=Answer())]


@pytest.fixture
def ask():
    """Streams the answer of a backend to a prompt; keywords are settings, greedy unless told otherwise."""

    def start(backend, prompt="Hi", **settings):
        config = GenerationConfig(**{"temperature": 0, "max_new_tokens": 16, **settings})
        return backend.stream([Message("user", prompt)], config)

    return start


@pytest.fixture
def until_text():
    """Goes on with a stream until its first text."""

    def go_on(stream):
        return next(chunk for chunk in stream if chunk.text)

    return go_on


@pytest.fixture
def in_background():
    """Runs a function in a thread; `result()` waits for it and raises what it raised."""

    def start(function, *arguments):
        return Outcome(function, arguments)

    return start


class Outcome:
    def __init__(self, function, arguments):
        self._value = self._error = None
        self._thread = threading.Thread(target=self._run, args=(function, arguments), daemon=True)
        self._thread.start()

    def _run(self, function, arguments):
        try:
            self._value = function(*arguments)
        except Exception as error:  # noqa: BLE001 - raised again by result()
            self._error = error

    def result(self, seconds=60):
        assert self.done(seconds), "still running"
        if self._error:
            raise self._error
        return self._value

    def done(self, seconds=0):
        """Whether it has come to its end, within some seconds."""
        self._thread.join(seconds)
        return not self._thread.is_alive()


@pytest.fixture
def is_sign_of_life():
    """Whether a chunk says nothing but that its stream is alive."""
    return lambda chunk: chunk == Chunk()


@pytest.fixture
def original(tmp_path):
    """A copy of a micro original."""
    return copied(DATA / ORIGINALS[0], tmp_path / "micro")
