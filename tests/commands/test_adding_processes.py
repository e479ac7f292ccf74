"""What the page does in processes of its own to add models, and which models it offers again after a restart."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from arena.adding import FILE_NAME, AddState, Step
from arena.errors import BackendError, ErrorInfo, InputError
from arena.needs import Needs
from arena.roster import Roster
from backends import Backends
from backends.models.resolve import resolve
from commands.adding import RETRY_SECONDS, FetchProcess, ProcessMachine, adding, keep_adding

ENVIRONMENT = dict(os.environ)


def process(program: str) -> FetchProcess:
    return FetchProcess([sys.executable, "-c", program], ENVIRONMENT)


def prints(*entries: object, code: int = 0) -> FetchProcess:
    """A process that prints these objects, or lines, and ends."""
    lines = [entry if isinstance(entry, str) else json.dumps(entry) for entry in entries]
    return process(f"print({chr(10).join(lines)!r}); raise SystemExit({code})")


def test_needs_and_steps_are_read_and_other_lines_are_not() -> None:
    needs = {"name": "n", "title": "N", "download": 1, "quantize": 2, "disk": 3, "memory": 4}
    planned = {**needs, "licence": "", "licence_url": "", "missing": ["torch"], "state": "planned"}
    steps = [{"state": "downloading", "done": 1, "total": 2}, {"state": "quantizing", "done": 2, "total": 2}]
    work = prints("Warning: old", "{not json", "[1]", planned, *steps, {"state": "fetched", "model": "n"})
    expected = [Needs(**needs, missing=("torch",)), Step("downloading", 1, 2), Step("quantizing", 2, 2)]
    assert list(work) == expected


def test_a_failure_keeps_what_a_translation_needs() -> None:
    why = {"code": "unsupported_base", "message": "a base model", "details": {}}
    entry = {"state": "failed", "code": "model_unsupported", "error": "No.", "details": {"model": "m", "reason": why}}
    with pytest.raises(BackendError, match=r"No\.") as failure:
        list(prints(entry, "Error: No.", code=2))
    assert failure.value.code == "model_unsupported"
    assert failure.value.details == {"model": "m", "reason": ErrorInfo("unsupported_base", "a base model", {})}


def test_a_process_that_dies_says_its_last_line() -> None:
    with pytest.raises(BackendError, match="Adding the model failed: MemoryError"):
        list(prints("Traceback", "MemoryError", code=1))


def test_a_process_can_be_stopped_while_it_is_waited_for(eventually: Callable[..., object]) -> None:
    work = process(
        "import json, time; print(json.dumps(dict(state='downloading', done=1, total=2)), flush=True); time.sleep(600)"
    )
    steps = iter(work)
    assert next(steps) == Step("downloading", 1, 2)
    work.stop()
    with pytest.raises(BackendError):
        next(steps)
    assert eventually(lambda: work._process.poll() is not None)
    work.stop()


# ---- after a restart


def script(folder: Path, name: str) -> str:
    path = folder / f"{name}.json"
    path.write_text(json.dumps({"id": name, "name": name, "answers": [{"steps": []}]}), encoding="utf-8")
    return f"scripted:{path}"


def test_models_that_were_added_are_offered_again_behind_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second, third = (script(tmp_path, name) for name in "abc")
    kept = [third, f"scripted:{tmp_path}/gone.json", first]
    (tmp_path / FILE_NAME).write_text(json.dumps(kept), encoding="utf-8")
    backends = Backends()
    roster = Roster([backends.open(resolve(name)) for name in (first, second)])
    job = adding(roster, backends, ENVIRONMENT, tmp_path)
    assert [spec.id for spec in roster.specs] == ["a", "b", "c"]
    # What is not offered can still be removed from the list.
    assert tuple(job.state.kept) == tuple(kept)
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1 and said[0].startswith("Warning: ") and "gone.json" in said[0]
    job.remove(first)
    assert [spec.id for spec in roster.specs] == ["a", "b", "c"]  # the command line names it too


def test_a_damaged_list_of_models_is_one_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / FILE_NAME).write_text("[", encoding="utf-8")
    assert adding(Roster(), Backends(), ENVIRONMENT, tmp_path).state.kept == {}
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize("name", ["openai:https://me:hunter2@example.org/v1#m", "qwen-9b", "folder-that-is-not-here"])
def test_a_wrong_name_reaches_no_command_line(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("commands.adding.subprocess.Popen", lambda *arguments, **options: pytest.fail("started"))
    with pytest.raises(InputError):
        ProcessMachine(Backends(), ENVIRONMENT).plan(name)


class FailingHub:
    """A job that ends at once, with the errors in turn and then without one."""

    def __init__(self, *codes: str) -> None:
        self.codes, self.started = list(codes), 0
        self.state = AddState()

    def start(self, names: object, keeps: bool) -> None:
        assert not keeps
        self.started += 1
        code = self.codes.pop(0) if self.codes else ""
        self.state = AddState("failed" if code else "done", error=ErrorInfo(code, "No answer.") if code else None)


@pytest.mark.parametrize(
    ("codes", "starts", "waits"),
    [((), 1, 0), (("fetch_offline", "fetch_busy"), 3, 2), (("add_memory",), 1, 0), (("fetch_denied",), 1, 0)],
)
def test_a_hub_that_does_not_answer_is_asked_again(codes: tuple[str, ...], starts: int, waits: int) -> None:
    job, waited = FailingHub(*codes), list[float]()
    keep_adding(job, ["a"], waited.append).join()  # type: ignore[arg-type]
    assert (job.started, waited) == (starts, [RETRY_SECONDS] * waits)
