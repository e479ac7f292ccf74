"""Adds models to a running page: says what they need, then downloads, quantizes and loads them, one job at a time."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, Protocol

from arena.backend import Backend
from arena.errors import ArenaError, BackendError, ErrorInfo, InputError, info_of, os_error_as
from arena.needs import Needs, Room
from arena.roster import Roster

FILE_NAME = "models.json"
# Names in one job.
MOST = 8
_POLL_SECONDS = 0.1
# A rate over less than that says little.
_RATE_SECONDS = 2.0
Stage = Literal["idle", "checking", "ready", "downloading", "quantizing", "loading", "done", "stopped", "failed"]
_RUNNING = ("checking", "downloading", "quantizing", "loading")


@dataclass(frozen=True)
class Step:
    """How far the downloading or quantizing of one model is, in bytes."""

    stage: Stage
    done: int
    total: int


class Work(Protocol):
    """What another process does for a model: its needs, or the steps of its download."""

    def __iter__(self) -> Iterator[Step | Needs]:
        """Until it ends. Raises ArenaError if it fails."""

    def stop(self) -> None:
        """Ends it at once; what it has done is kept. May be called from another thread, also after its end."""


class Machine(Protocol):
    """What adding a model asks of the machine. All may raise ArenaError."""

    def plan(self, name: str) -> Work:
        """Begins to find out what the model needs; the only item is a Needs."""

    def fetch(self, name: str) -> Work:
        """Begins to download the model, and to quantize it if its name says so."""

    def room(self) -> Room:
        """What is free now."""

    def open(self, name: str) -> tuple[Backend, int]:
        """The model, which is here now, with the bytes of memory that it needs (0: unknown or none)."""

    def close(self, backend: Backend) -> None:
        """Forgets a model that could not be loaded."""


@dataclass(frozen=True)
class AddState:
    """The job that runs, or the last one.

    `needs` are of the models that are not here yet, `room` what was free then. `name` is the model that the stage is
    about, `done` and `total` bytes of all stages, `seconds_left` of this stage. `error` is why it failed, `added` the
    ids that it has added. `kept` are the names of all that were added here, each with the id offered for it, or "".
    """

    stage: Stage = "idle"
    names: tuple[str, ...] = ()
    needs: tuple[Needs, ...] = ()
    room: Room | None = None
    name: str = ""
    done: int = 0
    total: int = 0
    seconds_left: float | None = None
    error: ErrorInfo | None = None
    added: tuple[str, ...] = ()
    kept: Mapping[str, str] = field(default_factory=dict)

    @property
    def running(self) -> bool:
        """Whether the job runs."""
        return self.stage in _RUNNING


class _Stopped(Exception):
    """The host has stopped the job."""


class Adding:
    """Adds models to the roster, one job at a time, and keeps their names in `path`. Safe to call from several threads.

    `kept` are the models that were added in earlier runs; see `AddState`. `state` is how far the job is.
    """

    def __init__(
        self,
        roster: Roster,
        machine: Machine,
        path: Path,
        kept: Mapping[str, str] = MappingProxyType({}),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._roster = roster
        self._machine = machine
        self._path = path
        self._clock = clock
        self._stopped = threading.Event()
        # Protects changes of both: by the job's thread, and by pages that stop it.
        self._lock = threading.Lock()
        self._keeps = True
        # Names that are offered now; a model's id may be another one.
        self._offered = {name for name, model in kept.items() if model}
        self.state = AddState(kept=kept)
        self._work: Work | None = None

    def check(self, names: Sequence[str]) -> None:
        """Begins to find out what the models need. Raises InputError for no names, and while a job runs."""
        self._begin(AddState("checking", tuple(dict.fromkeys(names))), only_check=True)

    def start(self, names: Sequence[str], keeps: bool = True) -> None:
        """Begins to add the models, or goes on where the last job stopped. Raises as `check`.

        Without `keeps` they are not added again after a restart: the host names them at every start.
        """
        last, chosen = self.state, tuple(dict.fromkeys(names))
        first = last if last.names == chosen else AddState(names=chosen)
        self._begin(replace(first, stage="checking", error=None, added=()), only_check=False, keeps=keeps)

    def stop(self) -> None:
        """Stops the job; what it has downloaded is kept."""
        with self._lock:
            self._stopped.set()
            if self._work:
                self._work.stop()

    def remove(self, name: str) -> None:
        """Offers a model that was added here no more, also after a restart; its files stay. Raises InputError."""
        with self._lock:
            kept = dict(self.state.kept)
            if name not in kept:
                raise InputError("model_absent", f"{name!r} was not added here.", model=name, known=", ".join(kept))
            model = kept.pop(name)
            self._offered.discard(name)
            _write(self._path, tuple(kept))
            self.state = replace(self.state, kept=kept)
        if model:
            self._roster.remove(model)

    def _begin(self, first: AddState, only_check: bool, keeps: bool = True) -> None:
        with self._lock:
            if self.state.running:
                raise InputError("add_running", "A model is being added already. Wait or stop it.")
            if not 0 < len(first.names) <= MOST:
                raise InputError("add_names", f"Name a model, or up to {MOST} separated by commas.", most=MOST)
            self._stopped.clear()
            self._keeps = keeps
            self.state = replace(first, name=first.names[0], done=0, kept=self.state.kept)
            threading.Thread(target=self._run, args=(first.names, only_check), name="add-models", daemon=True).start()

    def _run(self, names: tuple[str, ...], only_check: bool) -> None:
        stage: Stage = "ready" if only_check else "done"
        error: ErrorInfo | None = None
        try:
            needs = self._check(names)
            if not only_check:
                self._add(needs)
        except _Stopped:
            stage = "stopped"
        except Exception as failure:  # noqa: BLE001 - else the page shows it as running for ever
            stage, error = "failed", info_of(failure, "add_failed", "Adding failed")
        self._show(stage=stage, error=error)

    def _check(self, names: tuple[str, ...]) -> tuple[Needs, ...]:
        """What the models need that are not offered yet. Raises InputError if all are, or if there is no room."""
        here = {spec.id for spec in self._roster.specs} | self._offered
        new = [name for name in names if name not in here]
        if not new:
            raise InputError("model_present", f"{names[0]} is offered here already.", model=names[0])
        needs: list[Needs] = []
        for name in new:
            self._show(name=name)
            needs += [item for item in self._follow(self._machine.plan(name)) if isinstance(item, Needs)]
        room = self._machine.room()
        self._show(needs=tuple(needs), room=room, total=sum(need.download + need.quantize for need in needs))
        room.check(needs)
        if missing := list(dict.fromkeys(name for need in needs for name in need.missing)):
            packages = ", ".join(missing)
            message = f"Python packages are missing: {packages}. Stop the app and run make pair, or install "
            raise InputError("add_packages", f"{message}requirements-hf.txt.", packages=packages)
        return tuple(needs)

    def _add(self, needs: Sequence[Needs]) -> None:
        before = 0
        for need in needs:
            if need.download or need.quantize:
                self._fetch(need, before)
            before += need.download + need.quantize
            self._show(stage="loading", name=need.name, done=before, seconds_left=None)
            self._load(need.name)

    def _fetch(self, need: Needs, before: int) -> None:
        """Downloads and quantizes; `before` are the bytes of the models before this one."""
        rate: tuple[Stage, float, int] | None = None
        for step in self._follow(self._machine.fetch(need.name)):
            if not isinstance(step, Step):
                continue
            now = self._clock()
            if rate is None or rate[0] != step.stage:
                rate = (step.stage, now, step.done)
            seconds, received, left = now - rate[1], step.done - rate[2], step.total - step.done
            quantizes = step.stage == "quantizing"
            size = need.quantize if quantizes else need.download
            # What was there before this job is no part of its bytes.
            done = max(0, size - left) if not quantizes else round(size * step.done / max(1, step.total))
            self._show(
                stage=step.stage,
                name=need.name,
                done=before + done + (need.download if quantizes else 0),
                seconds_left=left * seconds / received if received > 0 and seconds >= _RATE_SECONDS else None,
            )

    def _load(self, name: str) -> None:
        backend, need = self._machine.open(name)
        try:
            self._roster.check_new(backend.spec)
            backend.load()
            while not (load := backend.load_state).ready:
                if load.error:
                    raise BackendError(load.error.code, load.error.message, **load.error.details)
                if self._stopped.wait(_POLL_SECONDS):
                    raise _Stopped
            self._roster.add(backend, need)
        except BaseException:
            self._machine.close(backend)
            raise
        with self._lock:
            self._offered.add(name)
            kept = {**self.state.kept, name: backend.spec.id} if self._keeps else self.state.kept
            self.state = replace(self.state, kept=kept, added=(*self.state.added, backend.spec.id))
            if self._keeps:
                _write(self._path, tuple(kept))

    def _follow(self, work: Work) -> Iterator[Step | Needs]:
        """What the work gives, until it ends. Raises _Stopped if that is because the host has stopped the job."""
        with self._lock:
            self._work = work
            if self._stopped.is_set():
                work.stop()
        try:
            yield from work
        except ArenaError:
            if not self._stopped.is_set():
                raise
        finally:
            with self._lock:
                self._work = None
            work.stop()
        if self._stopped.is_set():
            raise _Stopped

    def _show(self, **changes: Any) -> None:
        with self._lock:
            self.state = replace(self.state, **changes)


def read_names(path: Path) -> tuple[str, ...]:
    """The names of the models that were added before; none if there is no file.

    Raises InputError for a damaged one, which is moved aside: the next model that is added begins a new file.
    """
    try:
        names = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise ValueError("it is no list of names")
        return tuple(names)
    except FileNotFoundError:
        return ()
    except (OSError, ValueError) as error:
        aside = path.with_suffix(".damaged")
        with suppress(OSError):
            path.replace(aside)
        raise InputError("file_unreadable", f"{path} cannot be read: {error}. It is now {aside}.", path=path) from error


def _write(path: Path, names: Sequence[str]) -> None:
    with os_error_as("add_unwritable", f"{path} cannot be written", path=str(path)):
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps(names, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        fresh.replace(path)
