"""Adding models in the page: `fetch` in a process of its own, and the models that were added before."""

import atexit
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

import typer

from arena.adding import FILE_NAME, Adding, Step, read_names
from arena.backend import Backend
from arena.errors import ArenaError, BackendError, ErrorInfo, InputError
from arena.needs import Needs, Room
from arena.roster import Roster
from arena.types import ModelSpec
from backends import Backends
from backends.fetching.plan import TO_FETCH, room_here
from backends.memory.estimate import need_of
from backends.models.resolve import resolve
from commands.progress import JSON_LINES

# Until a hub that does not answer is asked again.
RETRY_SECONDS = 60.0
_PASSING = ("fetch_offline", "fetch_busy", "fetch_cut")
APP = Path(__file__).parents[1] / "app.py"


class FetchProcess:
    """See `arena.adding.Work`."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        )
        # It must not outlive the page.
        atexit.register(self.stop)

    def __iter__(self) -> Iterator[Step | Needs]:
        failure: dict[str, Any] = {}
        line = ""
        try:
            for line in self._process.stdout or ():
                entry = _entry(line)
                match entry.get("state"):
                    case "planned":
                        values = {field.name: entry[field.name] for field in fields(Needs)}
                        yield Needs(**{**values, "missing": tuple(values["missing"])})
                    case "downloading" | "quantizing" as stage:
                        yield Step(stage, entry["done"], entry["total"])
                    case "failed":
                        failure = entry
        finally:
            self.stop()
            code = self._process.wait()
        if failure:
            raise BackendError(failure["code"], failure["error"], **_details(failure["details"]))
        if code:
            reason = line.strip() or f"exit code {code}"
            raise BackendError("add_failed", f"Adding the model failed: {reason}", reason=reason)

    def stop(self) -> None:
        """Ends the process, if it has not ended."""
        atexit.unregister(self.stop)
        self._process.terminate()


class ProcessMachine:
    """See `arena.adding.Machine`. A process of its own may use the network, which the page's may not (see
    `prepare_environment`), frees its memory at its end, and can be stopped at any moment."""

    def __init__(self, backends: Backends, environment: Mapping[str, str], app: Path = APP) -> None:
        self._backends = backends
        self._environment = {**environment, **JSON_LINES}
        self._command = (sys.executable, str(app), "fetch", "--json")

    def plan(self, name: str) -> FetchProcess:
        try:
            resolve(name)
        except InputError as error:
            # Refused here: a command line can be read by everybody, and a wrong name may hold a password.
            if error.code not in TO_FETCH:
                raise
        return FetchProcess((*self._command, "--plan", "--", name), self._environment)

    def fetch(self, name: str) -> FetchProcess:
        return FetchProcess((*self._command, "--", name), self._environment)

    def room(self) -> Room:
        return room_here()

    def open(self, name: str) -> tuple[Backend, int]:
        spec = resolve(name)
        return self._backends.open(spec), needs_of_all([spec]).get(spec.id, 0)

    def close(self, backend: Backend) -> None:
        self._backends.close(backend)


def _entry(line: str) -> dict[str, Any]:
    """The object in the line; nothing for what libraries print."""
    try:
        entry = json.loads(line)
    except ValueError:
        return {}
    return entry if isinstance(entry, dict) else {}


def _details(details: Mapping[str, Any]) -> dict[str, Any]:
    """The details of an error, with the errors among them."""
    keys = {field.name for field in fields(ErrorInfo)}
    return {
        name: ErrorInfo(**value) if isinstance(value, dict) and value.keys() == keys else value
        for name, value in details.items()
    }


def keep_adding(adding: Adding, names: Sequence[str], wait: Callable[[float], object] = time.sleep) -> threading.Thread:
    """Adds models that the host has named, in a thread. Tries again every RETRY_SECONDS while a hub does not answer.

    Raises InputError for too many names, and while other models are being added.
    """
    adding.start(names, keeps=False)

    def run() -> None:
        while True:
            while adding.state.running:
                wait(1.0)
            error = adding.state.error
            if error is None:
                return
            typer.echo(f"Warning: {error.message}", err=True)
            if error.code not in _PASSING:
                return
            wait(RETRY_SECONDS)
            with suppress(InputError):  # the host has begun to add others
                adding.start(names, keeps=False)

    thread = threading.Thread(target=run, name="keep-adding", daemon=True)
    thread.start()
    return thread


def needs_of_all(specs: Iterable[ModelSpec]) -> dict[str, int]:
    """The bytes of memory that each model needs, without those whose files do not say it."""
    needs = {}
    for spec in specs:
        with suppress(ArenaError, OSError):
            if need := need_of(spec):
                needs[spec.id] = need.total
    return needs


def adding(roster: Roster, backends: Backends, environment: Mapping[str, str], data_dir: Path) -> Adding:
    """Adds models to the roster; those that were added before are in it afterwards, if they are still here."""
    machine, path = ProcessMachine(backends, environment), data_dir / FILE_NAME
    kept: dict[str, str] = {}
    try:
        names = read_names(path)
    except ArenaError as error:
        typer.echo(f"Warning: {error}", err=True)
        names = ()
    for name in names:
        try:
            roster.check_new(resolve(name))
            backend, need = machine.open(name)
            roster.add(backend, need)
            kept[name] = backend.spec.id
        except ArenaError as error:
            kept[name] = ""
            if error.code != "model_present":  # the command line names it too
                typer.echo(f"Warning: {error} It was added in the page, and is not offered.", err=True)
    return Adding(roster, machine, path, kept)
