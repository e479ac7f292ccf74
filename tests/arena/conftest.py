"""Backends that play what a test asks for, and battles and conversations with them."""

import json
import resource
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from types import SimpleNamespace

import hypothesis
import pytest
from vote_samples import votes_of

from arena.backend import LoadState
from arena.battle import BattleRun
from arena.chat import Chat
from arena.generation_config import GenerationConfig
from arena.results.compute import Background, compute
from arena.results.selection import Filters
from arena.types import Answer, Battle, Chunk, Message, ModelSpec, Side, SideName
from backends.scripted import ScriptedBackend, scripted_spec

A, B = SideName.A, SideName.B
# A busy machine may take long for one example.
hypothesis.settings.register_profile("arena", deadline=None)
hypothesis.settings.load_profile("arena")


class StubBackend:
    """Plays a function of messages and config: for what no script can do."""

    load_state = LoadState(ready=True)
    can_continue = False

    def __init__(self, play, **spec):
        self.spec = replace(ModelSpec("stub", "Stub", "", "", "", ""), **spec)
        self.stream = play

    def load(self):
        pass

    def check(self, messages):
        pass

    def close(self):
        pass


@pytest.fixture
def scripted(tmp_path):
    """Makes a ScriptedBackend of one answer's steps, or of `answers`; other keywords are keys of the script."""
    numbers = count(1)

    def make(*steps, **script):
        path = tmp_path / f"model-{next(numbers)}.json"
        path.write_text(json.dumps({"answers": [{"steps": steps}], **script}), encoding="utf-8")
        return ScriptedBackend(scripted_spec(path))

    return make


@pytest.fixture
def stub():
    return StubBackend


@pytest.fixture
def saying():
    """Makes a backend that says the given text, one chunk a word."""

    def make(text, finish="stop", **spec):
        def play(messages, config):
            yield from (Chunk(text=word) for word in text.split(" "))
            yield Chunk(finish_reason=finish)

        return StubBackend(play, **spec)

    return make


@pytest.fixture
def limit_seconds(monkeypatch):
    """Sets how long a side may take: `total`, `silence` and `grace`."""

    def set_limits(**limits):
        for name, seconds in limits.items():
            monkeypatch.setattr(f"arena.battle.{name.upper()}_SECONDS", seconds)

    return set_limits


@pytest.fixture
def run_of(limit_seconds):
    """Makes the run of a battle between two backends; keywords are limits in seconds."""

    def make(a, b, seed=7, **limits):
        limit_seconds(**limits)
        sides = [Side(backend.spec, (Message("user", "Hi"),), GenerationConfig(seed=seed)) for backend in (a, b)]
        return BattleRun(Battle("battle-1", "Hi", *sides), {A: a, B: b})

    return make


@pytest.fixture
def chat_of(limit_seconds):
    """Makes a conversation with two backends; keywords are limits in seconds.

    `ended` has the battles that on_end got.
    """
    chats = []

    def make(a, b, **limits):
        ended = []
        limit_seconds(**limits)
        chat = Chat({A: a, B: b}, ended.append)
        chat.ended = ended
        chats.append(chat)
        return chat

    yield make
    for chat in chats:
        chat.stop()


@pytest.fixture
def until():
    """Reads a stream until a condition on the battle holds; returns that battle."""

    def run_until(battles, holds):
        deadline = time.monotonic() + 60
        for battle in battles:
            if holds(battle):
                return battle
            assert time.monotonic() < deadline, "it took too long"
        raise AssertionError("the stream ended before")

    return run_until


@pytest.fixture
def last():
    """Reads a stream to its end; returns the last battle."""

    def run_through(battles):
        deadline = time.monotonic() + 60
        final = None
        for battle in battles:
            final = battle
            assert time.monotonic() < deadline, "it took too long"
        return final

    return run_through


@pytest.fixture
def in_background():
    """Runs a function in a thread, at the end of the test waits for it. `result()` waits and raises what it raised."""
    threads = []

    def start(function, *arguments):
        outcome = SimpleNamespace(value=None, error=None)

        def run():
            try:
                outcome.value = function(*arguments)
            except BaseException as error:  # noqa: BLE001 - raised again by result()
                outcome.error = error

        def result():
            thread.join(60)
            assert not thread.is_alive(), "still running"
            if outcome.error:
                raise outcome.error
            return outcome.value

        thread = threading.Thread(target=run, daemon=True)
        threads.append(thread)
        thread.start()
        return SimpleNamespace(result=result)

    yield start
    for thread in threads:
        thread.join(60)


@pytest.fixture
def answered():
    """Makes a battle whose sides have ended; keywords are fields of Battle."""

    def make(a="yes", b="no", finish_a="stop", finish_b="stop", **changes):
        def side(model, text, finish):
            spec = ModelSpec(model, model, "", "", "", "int4")
            answer = Answer(text, finish_reason=finish)
            return Side(spec, (Message("user", "Why?"),), GenerationConfig(seed=7), answer)

        return replace(Battle("battle-1", "Why?", side("qwen", a, finish_a), side("glm", b, finish_b)), **changes)

    return make


@pytest.fixture
def full_disk():
    """A block in which no file can grow beyond a size."""

    @contextmanager
    def limited(size=0):
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    return limited


@pytest.fixture
def figures(tmp_path_factory):
    """The figures of some votes, seen long after them."""

    def make(votes, filters=Filters(), background=Background(), now=2e9):  # noqa: B008
        return compute(votes_of(tmp_path_factory.mktemp("votes"), votes), filters, background, now)

    return make
