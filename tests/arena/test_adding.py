"""The job that adds models to a running page: one at a time, stopped and resumed, and what it leaves behind."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from arena import adding
from arena.adding import Adding, AddState, Step, read_names
from arena.backend import LoadState
from arena.errors import BackendError, ErrorInfo, InputError
from arena.needs import Needs, Room
from arena.roster import Roster
from arena.types import ModelSpec

GB = 10**9
READY = LoadState(True)
Eventually = Callable[..., object]


class Model:
    """A backend that is loaded when `loads` says so."""

    can_continue = False

    def __init__(self, name: str, stand_in: bool = False, loads: LoadState = READY) -> None:
        self.spec = ModelSpec(name, name.upper(), "", "", "scripted", "", stand_in=stand_in)
        self.load_state = loads
        self.asked = 0

    def load(self) -> None:
        self.asked += 1


class Work:
    """Gives items, and waits at the gate before the last one until it is opened or the work is stopped."""

    def __init__(self, items: list[Any], gate: threading.Event | None) -> None:
        self.items, self.gate, self.stopped = items, gate, threading.Event()

    def __iter__(self) -> Iterator[Any]:
        for number, item in enumerate(self.items):
            while self.gate and number == len(self.items) - 1 and not self.gate.wait(0.01):
                if self.stopped.is_set():
                    raise BackendError("add_failed", "Killed.")
            if isinstance(item, Exception):
                raise item
            yield item

    def stop(self) -> None:
        self.stopped.set()


class Fake:
    """A machine on which every model needs 1 GB of download, quantizing and memory, unless `needs` says otherwise."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []
        self.closed: list[str] = []
        self.needs: dict[str, Needs | Exception] = {}
        self.steps: list[Any] = [Step("downloading", 0, GB), Step("downloading", GB, GB), Step("quantizing", GB, GB)]
        self.loads = LoadState(True)
        self.free = Room(100 * GB, 8 * GB, 16 * GB)
        self.gate: threading.Event | None = None

    def plan(self, name: str) -> Work:
        self.calls.append(("plan", name))
        return Work([self.needs.get(name, Needs(name, name, GB, GB, GB, GB))], None)

    def fetch(self, name: str) -> Work:
        self.calls.append(("fetch", name))
        return Work(self.steps, self.gate)

    def room(self) -> Room:
        return self.free

    def open(self, name: str) -> tuple[Any, int]:
        return Model(name, loads=self.loads), GB

    def close(self, backend: Any) -> None:
        self.closed.append(backend.spec.id)


@pytest.fixture
def machine() -> Fake:
    return Fake()


@pytest.fixture
def roster() -> Roster:
    return Roster([Model("demo-1", stand_in=True), Model("demo-2", stand_in=True)])


@pytest.fixture
def job(machine: Fake, roster: Roster, tmp_path: Path, threads_return: Callable[[], bool]) -> Iterator[Adding]:
    running = Adding(roster, machine, tmp_path / "data" / "models.json", {})
    yield running
    running.stop()
    assert threads_return()


@pytest.fixture
def ended(job: Adding, eventually: Eventually) -> Callable[[], AddState]:
    """The state once the job does not run."""

    def wait() -> AddState:
        assert eventually(lambda: not job.state.running)
        return job.state

    return wait


def test_models_that_the_host_names_at_every_start_are_not_kept(
    job: Adding, roster: Roster, tmp_path: Path, ended: Callable[[], AddState]
) -> None:
    job.start(["one", "two"], keeps=False)
    assert (ended().stage, dict(job.state.kept), job.state.added) == ("done", {}, ("one", "two"))
    assert [backend.spec.id for backend in roster.first.values()] == ["one", "two"]
    assert not (tmp_path / "data").exists()
    # What is added later by name is kept, alone.
    job.start(["three"])
    assert tuple(ended().kept) == ("three",) == read_names(tmp_path / "data" / "models.json")


def test_after_a_broken_download_the_models_before_it_are_not_added_again(
    job: Adding, machine: Fake, roster: Roster, ended: Callable[[], AddState]
) -> None:
    """A name may be a file on a hub, and the model's id that file's own."""
    fails = [BackendError("fetch_cut", "Cut.")]
    machine.open = lambda name: (Model(f"id of {name}"), GB)  # type: ignore[method-assign]
    machine.fetch = lambda name: Work(  # type: ignore[method-assign]
        [fails.pop()] if name == "two" and fails else machine.steps, None
    )
    job.start(["one", "two"], keeps=False)
    assert (ended().stage, job.state.added) == ("failed", ("id of one",))
    job.start(["one", "two"], keeps=False)
    assert (ended().stage, job.state.added) == ("done", ("id of two",))
    assert [backend.spec.id for backend in roster.first.values()] == ["id of one", "id of two"]


def test_a_roster_without_two_models_offers_no_pair(machine: Fake, tmp_path: Path, eventually: Eventually) -> None:
    roster = Roster()
    job = Adding(roster, machine, tmp_path / "models.json", {})
    assert not roster and roster.first == {}
    job.start(["one"])
    assert eventually(lambda: not job.state.running)
    assert len(roster) == 1 and not roster and roster.first == {}
    for names in (("one", ""), ("", ""), ("one", "two")):
        with pytest.raises(InputError, match="No models are running here"):
            roster.pair(*names)
    job.start(["two"])
    assert eventually(lambda: not job.state.running)
    assert roster and [backend.spec.id for backend in roster.first.values()] == ["one", "two"]


def ids(roster: Roster) -> list[str]:
    return [spec.id for spec in roster.specs]


def test_what_a_model_needs_is_shown_before_anything_is_done(
    job: Adding, machine: Fake, roster: Roster, ended: Callable[[], AddState]
) -> None:
    job.check(["new", "new"])
    state = ended()
    assert (state.stage, [need.name for need in state.needs], state.room) == ("ready", ["new"], machine.free)
    assert machine.calls == [("plan", "new")] and len(roster) == 2


def test_models_are_added_one_after_the_other_and_remembered(
    job: Adding, roster: Roster, tmp_path: Path, ended: Callable[[], AddState]
) -> None:
    job.check(["one", "two"])
    ended()
    job.start(job.state.names)
    state = ended()
    assert (state.stage, state.added, tuple(state.kept)) == ("done", ("one", "two"), ("one", "two"))
    assert (state.done, state.total) == (4 * GB, 4 * GB)
    assert ids(roster) == ["demo-1", "demo-2", "one", "two"] and roster.needs == {"one": GB, "two": GB}
    # The demo models step back once two others are there.
    assert [backend.spec.id for backend in roster.first.values()] == ["one", "two"]
    assert read_names(tmp_path / "data" / "models.json") == ("one", "two")


def test_only_one_job_runs_and_the_progress_is_of_all_stages(
    job: Adding, machine: Fake, gate: threading.Event, eventually: Eventually, ended: Callable[[], AddState]
) -> None:
    machine.gate, machine.steps = (
        gate,
        [Step("downloading", GB // 2, GB), Step("quantizing", GB // 4, GB), Step("quantizing", GB, GB)],
    )
    job.check(["new"])
    ended()
    job.start(job.state.names)
    assert eventually(lambda: job.state.stage == "quantizing")
    assert (job.state.done, job.state.total, job.state.name) == (GB + GB // 4, 2 * GB, "new")
    for call in (lambda: job.check(["other"]), lambda: job.start(["other"])):
        with pytest.raises(InputError) as refusal:
            call()
        assert refusal.value.code == "add_running"
    gate.set()
    assert ended().stage == "done"


def test_a_stopped_job_goes_on_when_it_is_started_again(
    job: Adding,
    machine: Fake,
    roster: Roster,
    gate: threading.Event,
    eventually: Eventually,
    ended: Callable[[], AddState],
) -> None:
    machine.gate = gate
    job.check(["new"])
    ended()
    job.start(job.state.names)
    assert eventually(lambda: job.state.stage == "downloading")
    job.stop()
    state = ended()
    assert (state.stage, state.error, state.needs[0].name) == ("stopped", None, "new") and len(roster) == 2
    gate.set()
    job.start(job.state.names)
    assert ended().stage == "done" and ids(roster)[-1] == "new"


def test_a_job_can_be_stopped_while_a_model_loads(
    job: Adding, machine: Fake, roster: Roster, eventually: Eventually, ended: Callable[[], AddState]
) -> None:
    machine.loads = LoadState(False)
    job.check(["new"])
    ended()
    job.start(job.state.names)
    assert eventually(lambda: job.state.stage == "loading")
    job.stop()
    assert ended().stage == "stopped" and machine.closed == ["new"] and len(roster) == 2


def test_what_fails_is_said_and_what_works_stays(
    job: Adding, machine: Fake, roster: Roster, tmp_path: Path, ended: Callable[[], AddState]
) -> None:
    job.check(["good", "bad"])
    ended()
    why = ErrorInfo("memory_short_for_all", "Too large.", {"needed": "9.0"})
    opened = machine.open
    machine.open = lambda name: (
        (Model(name, loads=LoadState(name == "good", why)), GB) if name == "bad" else opened(name)
    )  # type: ignore[method-assign]
    job.start(job.state.names)
    state = ended()
    assert (state.stage, state.error, state.added) == ("failed", why, ("good",))
    assert ids(roster) == ["demo-1", "demo-2", "good"] and machine.closed == ["bad"]
    assert read_names(tmp_path / "data" / "models.json") == ("good",)
    machine.open = opened  # type: ignore[method-assign]
    machine.calls.clear()
    job.start(job.state.names)
    assert ended().stage == "done" and ids(roster)[-1] == "bad"
    assert ("fetch", "good") not in machine.calls


def test_a_bug_is_no_job_that_runs_for_ever(job: Adding, machine: Fake, ended: Callable[[], AddState]) -> None:
    machine.needs["new"] = ZeroDivisionError("oops")
    job.check(["new"])
    state = ended()
    assert state.stage == "failed" and state.error and state.error.code == "add_failed" and "oops" in str(state.error)


@pytest.mark.parametrize(
    ("needs", "code"),
    [
        ({"a": InputError("model_unsupported", "No.")}, "model_unsupported"),
        ({"a": Needs("a", "A", disk=101 * GB)}, "add_disk"),
        ({"a": Needs("a", "A", memory=9 * GB), "b": Needs("b", "B", memory=9 * GB)}, "add_memory"),
        ({"a": Needs("a", "A", missing=("torch", "tiktoken"))}, "add_packages"),
        ({"demo-1": Needs("demo-1", "")}, "model_present"),
        ({"demo-1": Needs("demo-1", ""), "demo-2": Needs("demo-2", "")}, "model_present"),
        ({}, "add_names"),
    ],
)
def test_what_cannot_be_added_is_refused(
    job: Adding, machine: Fake, ended: Callable[[], AddState], needs: dict[str, Any], code: str
) -> None:
    machine.needs |= needs
    if code == "add_names":
        for names in ([], [str(number) for number in range(adding.MOST + 1)]):
            with pytest.raises(InputError, match="Name a model"):
                job.check(names)
        return
    job.check(list(needs))
    state = ended()
    assert state.stage == "failed" and state.error and state.error.code == code
    assert not [call for call, _ in machine.calls if call == "fetch"]


def test_a_model_that_is_there_under_another_name_is_refused(
    job: Adding, machine: Fake, roster: Roster, ended: Callable[[], AddState]
) -> None:
    machine.open = lambda name: (Model("demo-1"), 0)  # type: ignore[method-assign]
    job.check(["x=demo"])
    ended()
    job.start(job.state.names)
    state = ended()
    assert state.error and state.error.code == "model_present" and machine.closed == ["demo-1"] and len(roster) == 2


def test_the_time_left_follows_the_rate_of_the_stage(
    machine: Fake, roster: Roster, tmp_path: Path, gate: threading.Event, eventually: Eventually
) -> None:
    times = iter([0.0, 10.0])
    job = Adding(roster, machine, tmp_path / "models.json", clock=lambda: next(times, 20.0))
    job.check(["new"])
    assert eventually(lambda: job.state.stage == "ready")
    machine.gate = gate
    machine.steps = [Step("downloading", done, GB) for done in (0, GB // 4, GB)]
    job.start(job.state.names)
    assert eventually(lambda: job.state.done)
    assert job.state.seconds_left == 30.0
    gate.set()
    assert eventually(lambda: job.state.stage == "done") and job.state.seconds_left is None


def test_a_model_is_removed_from_the_list_and_its_conversations_stay(
    job: Adding, roster: Roster, tmp_path: Path, ended: Callable[[], AddState]
) -> None:
    job.check(["new"])
    ended()
    job.start(job.state.names)
    ended()
    pair = roster.pair("new", "demo-1")
    for name in ("demo-1", "other"):
        with pytest.raises(InputError):
            job.remove(name)
    job.remove("new")
    assert (dict(job.state.kept), ids(roster)) == ({}, ["demo-1", "demo-2"])
    assert json.loads((tmp_path / "data" / "models.json").read_text(encoding="utf-8")) == []
    assert next(iter(pair.values())).spec.id == "new"
    job.check(["new"])
    ended()
    job.start(job.state.names)
    assert ended().stage == "done" and ids(roster)[-1] == "new"


def test_models_of_an_earlier_run_that_are_gone_can_be_added_again_or_removed(
    machine: Fake, roster: Roster, tmp_path: Path, eventually: Eventually
) -> None:
    job = Adding(roster, machine, tmp_path / "models.json", {"x=gone": "", "lost": ""})
    machine.open = lambda name: (Model("gone"), GB)  # type: ignore[method-assign]
    job.remove("lost")
    job.check(["x=gone"])
    assert eventually(lambda: job.state.stage == "ready")
    job.start(job.state.names)
    assert eventually(lambda: job.state.stage == "done") and tuple(job.state.kept) == ("x=gone",)
    job.remove("x=gone")
    assert (dict(job.state.kept), ids(roster)) == ({}, ["demo-1", "demo-2"])


def test_a_model_that_the_command_line_names_stays_when_it_leaves_the_list(
    machine: Fake, roster: Roster, tmp_path: Path
) -> None:
    job = Adding(roster, machine, tmp_path / "models.json", {"demo-1": ""})
    job.remove("demo-1")
    assert not job.state.kept and ids(roster) == ["demo-1", "demo-2"]


def test_a_page_adds_what_it_shows_though_another_has_asked_about_more(
    job: Adding, machine: Fake, roster: Roster, ended: Callable[[], AddState]
) -> None:
    job.check(["mine"])
    ended()
    job.check(["theirs"])
    ended()
    job.start(["mine"])
    assert ended().added == ("mine",) and ids(roster)[2:] == ["mine"] and ("fetch", "theirs") not in machine.calls


@pytest.mark.parametrize("content", ['{"a": 1}', '["a", 1]', '["a", 1', "\ufffd"])
def test_a_damaged_list_is_said_and_kept(tmp_path: Path, content: str) -> None:
    path = tmp_path / "models.json"
    assert read_names(path) == ()
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match="cannot be read"):
        read_names(path)
    assert (tmp_path / "models.damaged").read_text(encoding="utf-8") == content and not path.exists()


def test_the_roster_is_whole_while_models_come_and_go(roster: Roster) -> None:
    """Readers in other threads see a list as it was before or after a change."""
    roster.add(Model("real"))
    seen: set[tuple[str, ...]] = set()
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            seen.add(tuple(ids(roster)))

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(500):
        roster.add(Model(f"m{number}"))
        roster.remove(f"m{number}")
    stop.set()
    reader.join()
    whole = {("demo-1", "demo-2", "real", *more) for more in [(), *((f"m{number}",) for number in range(500))]}
    assert seen and seen <= whole and ids(roster) == ["demo-1", "demo-2", "real"]
    with pytest.raises(InputError, match="offered here already"):
        roster.add(replace_name(Model("x"), "REAL"))


def replace_name(model: Model, name: str) -> Model:
    model.spec = replace(model.spec, name=name)
    return model
