"""The engine's half of `bench`: random packed folders, what is measured on them, and the commands."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from click.testing import Result
from model_folders import DATA
from safetensors import safe_open
from typer.testing import CliRunner

from arena.errors import BackendError, InputError
from backends.families.weights import architecture_of
from backends.machine import facts
from backends.packed.open import load_packed, packed_rows
from backends.packed.scheme import packed_of, unpack4
from backends.stepping.cache import TokenCache
from bench import compared
from bench.compared import beside_rivals, cached_share
from bench.engines import Answered, open_engine
from bench.probe import MemoryWatch, run
from bench.speed import (
    Plan,
    Question,
    common_steps,
    measure_alone,
    measure_full_contexts,
    measure_job,
    measure_panes,
    measure_read_bound,
    measure_together,
    spread,
    tokens_per_second,
)
from bench.weights import subject as packed_models
from bench.weights.shapes import SHAPES
from bench.weights.subject import Subject, folder_shape, packed_subject, random_subject
from commands.bench import Choice

SIZES = {"vocab_size": 2048, "hidden_size": 256, "intermediate_size": 512, "num_attention_heads": 4}
SMALL = {
    "qwen-7b-chat": SHAPES["qwen-7b-chat"].resized(**SIZES, num_hidden_layers=2, num_key_value_heads=4),
    "chatglm3-6b": SHAPES["chatglm3-6b"].resized(**SIZES, num_hidden_layers=2, num_key_value_heads=2, head_dim=64),
}
PLAN = Plan(prompt_lengths=(16, 40), decode_tokens=6, conversations=(1, 3))
MODELS = tuple(SMALL)


def nothing(words: str) -> None:
    """A progress that nobody watches."""


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("work")


@pytest.fixture(autouse=True)
def small_shapes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The two models' shapes are small ones, in this process."""
    for model, shape in SMALL.items():
        monkeypatch.setitem(SHAPES, model, shape)


@pytest.fixture
def subjects(work: Path) -> tuple[Subject, ...]:
    return tuple(random_subject(model, None, "int4", work, nothing) for model in MODELS)


# ---- random packed folders


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("precision", ["int4", "int8"])
def test_a_random_folder_is_opened_whole(model: str, precision: str, work: Path) -> None:
    subject = random_subject(model, None, precision, work, nothing)
    folder = Path(subject.folder)
    # Refuses what is missing or left over.
    opened = load_packed(architecture_of(folder))
    assert opened.config.num_hidden_layers == subject.layers == 2
    assert subject.weight_bytes - subject.read_bytes == 2 * 2048 * 256
    assert (subject.weights, subject.precision, subject.shape) == ("random", precision, SMALL[model])
    kinds = {type(module).__name__ for module in opened.modules()} & {"Linear4", "Linear8"}
    assert kinds == ({"Linear4", "Linear8"} if precision == "int4" else {"Linear8"})


@pytest.mark.parametrize("model", ["qwen3.5-0.8b", "qwen3-8b", "glm-4-9b-0414", "glm-edge-1.5b-chat"])
def test_a_random_folder_of_a_later_model_is_opened_and_answers(
    model: str, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = SHAPES[model].resized(**SIZES, num_hidden_layers=4, num_key_value_heads=1)
    monkeypatch.setitem(SHAPES, small.id, small)
    subject = random_subject(small.id, None, "int4", work, nothing)
    assert (subject.shape, subject.layers) == (small, 4)
    rows = packed_rows(architecture_of(Path(subject.folder)))
    cache = TokenCache(16)
    assert rows.read(cache, [1, 2, 3]).isfinite().all()
    assert rows.decode([cache], [4]).std() > 0.1


def test_random_weights_have_a_mean_of_zero_and_are_nowhere_the_same(work: Path) -> None:
    folder = Path(random_subject(MODELS[0], None, "int4", work, nothing).folder)
    tensors = {}
    for file in folder.glob("*.safetensors"):
        with safe_open(file, "pt") as opened:
            tensors.update({name: opened.get_tensor(name) for name in opened.keys()})  # noqa: SIM118
    results = []
    for place in ("model.layers.0.mlp.up_proj", "model.layers.0.mlp.gate_proj", "model.layers.1.mlp.up_proj"):
        results.append(unpack4(packed_of(lambda part, place=place: tensors[f"{place}.{part}"]), 512).floats())
    results.append(tensors["lm_head.weight8"] * tensors["lm_head.scale8"][:, None])
    results.append(tensors["model.embed_tokens.weight"].float())
    for weight in results:
        assert abs(weight.mean()) < 0.0005 and 0.018 < weight.std() < 0.022
    assert not torch.equal(results[0], results[1]) and not torch.equal(results[0], results[2])
    assert set(tensors["model.norm.weight"].tolist()) == {1.0}


def test_a_folder_is_written_once_with_its_size_said_and_another_is_refused(work: Path, tmp_path: Path) -> None:
    said: list[str] = []
    first = packed_models.random_packed(SMALL[MODELS[0]], "int4", tmp_path, said.append)
    assert "GB" in said[0] and str(first) in said[0]
    times = {path: path.stat().st_mtime_ns for path in first.iterdir()}
    assert packed_models.random_packed(SMALL[MODELS[0]], "int4", tmp_path, said.append) == first
    assert len(said) == 1 and {path: path.stat().st_mtime_ns for path in first.iterdir()} == times
    with pytest.raises(BackendError, match="damaged or of another shape; delete it"):
        packed_models.random_packed(SMALL[MODELS[0]].resized(intermediate_size=1024), "int4", tmp_path, nothing)
    (first / "packed-lm_head.safetensors").write_bytes(b"short")
    with pytest.raises(BackendError, match="damaged or of another shape"):
        packed_models.random_packed(SMALL[MODELS[0]], "int4", tmp_path, nothing)


def test_room_is_looked_at_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: _Usage(10_000_000))
    with pytest.raises(InputError, match=r"are needed .*, 10,000,000 are free") as refusal:
        packed_models.random_packed(SMALL[MODELS[0]], "int4", tmp_path / "new", nothing)
    assert refusal.value.code == "bench_room" and not list((tmp_path / "new").iterdir())


class _Usage:
    def __init__(self, free: int) -> None:
        self.free = free


def test_what_is_half_written_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(packed_models, "write_packed", fail)
    with pytest.raises(BackendError, match="cannot be written: No space left on device"):
        packed_models.random_packed(SMALL[MODELS[0]], "int4", tmp_path, nothing)
    assert not list(tmp_path.iterdir())


def test_the_shape_of_a_folder_has_the_name_of_a_known_one(subjects: tuple[Subject, ...], tmp_path: Path) -> None:
    for subject in subjects:
        assert folder_shape(Path(subject.folder)) == subject.shape
    other = SMALL[MODELS[0]].resized(intermediate_size=1024)
    results = folder_shape(packed_models.random_packed(other, "int4", tmp_path, nothing))
    assert results is not None and results.id not in SMALL and results.sizes["intermediate_size"] == 1024
    assert packed_subject(subjects[0].folder).read_bytes == subjects[0].read_bytes


# ---- the engine, in this process


def assert_speeds(figures: dict[str, float]) -> None:
    speeds = [figures[f"{name}tokens_per_second"] for name in ("low_", "", "high_")]
    assert min(speeds) > 0 and speeds == sorted(speeds)


@pytest.mark.parametrize("number", [0, 1])
def test_one_conversation_is_measured(subjects: tuple[Subject, ...], number: int) -> None:
    figures = measure_alone(PLAN, subjects[number], nothing)
    assert [first["prompt_tokens"] for first in figures["first_token"]] == [16, 40]
    assert min(first["seconds"] for first in figures["first_token"]) > 0
    assert_speeds(figures)
    assert figures["threads"] > 0 and figures["engine"].startswith("this engine (")


def test_the_thread_that_opens_an_engine_ends(subjects: tuple[Subject, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """Else its OpenMP threads stay, and libgomp lets the scheduler's sleep at each barrier."""
    threads: list[threading.Thread] = []
    monkeypatch.setattr("bench.engines.OwnEngine", lambda *given: threads.append(threading.current_thread()))
    open_engine(subjects[0], 1, 8)
    assert len(threads) == 1 and not threads[0].is_alive()


def test_turns_read_only_what_is_new(subjects: tuple[Subject, ...]) -> None:
    turns = measure_alone(PLAN, subjects[0], nothing)["turns"]
    assert [turn["prompt_tokens"] for turn in turns] == [64, 192, 320, 448, 576]
    # The last token of an answer has not been fed.
    assert [turn["cached_tokens"] for turn in turns] == [0, 127, 255, 383, 511]
    assert min(turn["seconds"] for turn in turns) > 0


def test_conversations_at_once_are_measured(subjects: tuple[Subject, ...]) -> None:
    together = measure_together(PLAN, subjects[1], nothing)["together"]
    assert [entry["conversations"] for entry in together] == [1, 3]
    for entry in together:
        assert entry["tokens_per_second"] > 0 and 0 < entry["low_tokens_per_second"] <= entry["high_tokens_per_second"]


def test_both_models_are_measured_in_one_process(subjects: tuple[Subject, ...]) -> None:
    plan = Plan(pane_prompt=12, pane_answer=5, rounds=1, full_context=300)
    figures = measure_panes(plan, subjects, nothing)
    for panes in (figures["together"], figures["in_turn"]):
        assert [pane["model"] for pane in panes] == [subject.name for subject in subjects]
        assert all(0 < pane["first_token_seconds"] < pane["seconds"] for pane in panes)
    assert figures["together_seconds"] >= max(pane["seconds"] for pane in figures["together"])
    assert figures["in_turn_seconds"] >= sum(pane["seconds"] for pane in figures["in_turn"])
    assert figures["ratios"] == [figures["together_seconds"] / figures["in_turn_seconds"]]
    full = run(measure_full_contexts, plan, subjects, progress=nothing)
    assert 0 < full["own_peak_bytes"] < full["peak_bytes"]


def test_a_job_is_done_at_once(subjects: tuple[Subject, ...]) -> None:
    # Long enough that the answers overlap for most of the time.
    job = (Question("one", 20, 50, 0), Question("two", 3, 90, 0))
    figures = measure_job(job, subjects[0], nothing)
    answers = figures["answers"]
    assert [(answer["prompt_tokens"], answer["answer_tokens"]) for answer in answers] == [(20, 50), (3, 90)]
    longest = max(answer["seconds"] for answer in answers)
    assert longest <= figures["seconds"] < sum(answer["seconds"] for answer in answers)


def test_a_start_is_measured_in_processes_of_its_own(
    subjects: tuple[Subject, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compared, "STARTS", 1)
    figures = compared.start_on(subjects[0], None, nothing)
    (own,) = figures["engines"]
    (start,) = own["starts"]
    assert 0 < start["ready_seconds"] == own["ready_seconds"] < start["first_token_seconds"]
    assert start["cached_share"] is None or 0 <= start["cached_share"] <= 1
    assert figures["missing"] == []


def test_the_read_bound_is_measured() -> None:
    from backends.packed.kernels import find_kernels

    bound = measure_read_bound(1 << 24, nothing)["bytes_per_second"]
    if find_kernels() is None:
        assert bound is None
    else:
        assert bound is not None and 1e8 < bound < 1e13


# ---- the pieces


def test_a_spread_is_of_speeds() -> None:
    speeds = spread([0.1] * 8 + [0.2] * 2 + [0.05], 2)
    expected = {"tokens_per_second": 20, "low_tokens_per_second": 10, "high_tokens_per_second": 20}
    assert speeds == pytest.approx(expected)


def test_the_speed_of_many_counts_from_the_last_first_token() -> None:
    assert tokens_per_second([Answered(0, (1.0, 2.0, 3.0)), Answered(0, (2.0, 4.0))]) == pytest.approx(2 / 2)


def test_only_steps_in_which_all_were_answered_count() -> None:
    first = Answered(0, (1.0, 2.0, 3.0, 4.0))
    last = Answered(0, (2.0, 3.5, 5.0, 6.5))
    assert common_steps([first, last]) == [1.0, 1.0, 1.5]
    assert len(common_steps([first, Answered(0, (9.0, 9.5))])) == 4


def test_memory_is_watched_while_it_is_taken() -> None:
    before = MemoryWatch().peak()
    watch = MemoryWatch()
    taken = torch.ones(200_000_000, dtype=torch.uint8)
    deadline = time.monotonic() + 60
    while watch.own_bytes < before["own_peak_bytes"] + 100_000_000 and time.monotonic() < deadline:
        time.sleep(0.01)
    del taken
    peak = watch.peak()
    assert peak["own_peak_bytes"] > before["own_peak_bytes"] + 100_000_000
    assert peak["peak_bytes"] >= peak["own_peak_bytes"] > 0


def test_how_much_of_a_file_is_in_memory(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(bytes(1_000_000))
    share = cached_share([file])
    assert share is None or share > 0.95
    assert cached_share([tmp_path / "none"]) is None and cached_share([]) is None


def test_the_machine_is_named_by_its_first_processor(tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text("model name\t: Some CPU\nflags\t: sse avx2 amx_int8\n\nmodel name\t: Another\n")
    results = facts.surroundings(tmp_path / "cpuinfo")
    assert (results["processor"], results["instruction_sets"]) == ("Some CPU", ("avx2", "amx_int8"))
    assert results["libraries"]["torch"] == torch.__version__ and results["cores"] > 0
    assert facts.surroundings(tmp_path / "none")["instruction_sets"] == ()


# ---- the commands


def bench(*arguments: object) -> Result:
    """Runs a command in this process; the measurements are in processes of their own."""
    import app

    return CliRunner().invoke(app.cli, ["bench", *map(str, arguments)])


def refused(*arguments: object) -> str:
    result = bench(*arguments)
    assert result.exit_code == 2, result.output
    lines = result.stderr.splitlines()
    assert len(lines) == 1 and lines[0].startswith("Error: ")
    return lines[0]


def test_engine_says_everything(subjects: tuple[Subject, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compared, "READ_BYTES", 1 << 24)
    result = bench("engine", "--a", subjects[0].folder, "--no-rivals", "--json")
    assert result.exit_code == 0, result.output
    results = json.loads(result.stdout)
    assert set(results) == {"command", "machine", "load_at_end", "models"}
    machine = {"date", "processor", "cores", "instruction_sets", "free_bytes", "libraries", "python", "load"}
    assert set(results["machine"]) == machine and set(results["machine"]["libraries"]) == {
        "torch",
        "transformers",
        "xllamacpp",
    }
    (entry,) = results["models"]
    assert set(entry) == {"model", "engines", "missing"} and entry["missing"] == []
    (own,) = entry["engines"]
    assert {"engine", "threads", "peak_bytes", "turns", "read_bound_bytes"} <= set(own)
    assert [first["prompt_tokens"] for first in own["first_token"]] == [64, 128, 512, 2048]
    assert own["read_bound_share"] is None or own["read_bound_share"] > 0
    assert entry["model"]["weights"] == "random" and "Opening" in result.stderr


def test_users_stand_beside_llama_cpp(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("gguf")
    monkeypatch.setattr(compared, "PLAN", replace(Plan(), conversations=(1, 2)))
    result = bench("users", "--shape", MODELS[1], "--work", work)
    assert result.exit_code == 0, result.output
    (row,) = [line for line in result.stdout.splitlines() if line.strip().startswith("together, 2 conversations")]
    ours, theirs, ratio = float(row.split()[3]), float(row.split()[-3]), float(row.split()[-1])
    assert ratio == pytest.approx(ours / theirs, abs=0.02)
    assert "llama.cpp Q4_0" in result.stdout and "this engine" in result.stdout


def test_a_rival_that_cannot_be_measured_does_not_end_the_others(
    subjects: tuple[Subject, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise BackendError("bench_failed", "the reason")

    def measured(source: object) -> dict[str, object]:
        return {"engine": type(source).__name__}

    monkeypatch.setattr(compared, "random_gguf", fail)
    rivals = ("llama.cpp", "transformers")
    figures = beside_rivals(subjects[0], measured, Path(), nothing, rivals)
    assert [engine["engine"] for engine in figures["engines"]] == ["Subject", "Shape"]
    assert figures["missing"] == [{"rival": "llama.cpp", "reason": "the reason"}]
    missing = beside_rivals(replace(subjects[0], shape=None), measured, Path(), nothing, rivals)["missing"]
    assert [entry["rival"] for entry in missing] == list(rivals)


def test_shapes_are_separated_by_commas(work: Path) -> None:
    subjects = Choice(shape=",".join(reversed(MODELS)), work=work).subjects()
    assert [subject.id for subject in subjects] == [f"{model}@int4" for model in reversed(MODELS)]


@pytest.mark.parametrize("command", ["engine", "users", "job", "start"])
def test_bad_input_is_one_line(command: str, tmp_path: Path) -> None:
    assert "no shape of 'gpt-2'; use qwen-7b-chat or chatglm3-6b" in refused(command, "--shape", "gpt-2")
    assert "no shape of 'gpt-2'" in refused(command, "--shape", f"{MODELS[0]},gpt-2", "--work", tmp_path / "new")
    assert not (tmp_path / "new").exists()
    assert "is not a packed model" in refused(command, "--a", DATA / "qwen-micro-vocab2048")
    assert "leave out --a and --b" in refused(command, "--a", "x@int4", "--layers", 2)
    assert "int4 or int8, not fp32" in refused(command, "--precision", "fp32")
    (tmp_path / "file").write_text("")
    assert "cannot be written" in refused(command, "--work", tmp_path / "file" / "below", "--layers", 2)


def test_other_bad_input_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "name both --a and --b" in refused("both", "--a", "x@int4")
    assert "There is no model called" in refused("engine", "--a", tmp_path / "nowhere")
    monkeypatch.setattr("shutil.disk_usage", lambda path: _Usage(1000))
    result = bench("engine", "--work", tmp_path, "--json")
    assert result.exit_code == 2 and json.loads(result.stdout)["code"] == "bench_room"
