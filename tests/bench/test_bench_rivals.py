"""What the engine is measured against: files, figures and refusals, on shapes that take a second."""

import json
import os
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

import pytest
from model_folders import ORACLES, TINY, needs_oracles
from served_app import ROOT

from arena.errors import BackendError, InputError
from arena.generation_config import GenerationConfig
from arena.prompts import load_prompts
from arena.types import Message
from backends.folder.gguf import read_gguf
from backends.models.catalog import PUBLISHED
from bench import compared, probe
from bench.compared import REFERENCE, reference_job
from bench.engines import GgufModel
from bench.probe import run
from bench.speed import Plan, Question, measure_alone, measure_job, measure_together
from bench.weights import random_gguf
from bench.weights.shapes import PAIR, SHAPES, meta_model, shape_of
from bench.weights.subject import Subject

_SIZES = {"vocab_size": 2048, "hidden_size": 256, "intermediate_size": 512, "num_hidden_layers": 2}
_SMALL_SIZES = {**_SIZES, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 64}
QWEN = SHAPES["qwen-7b-chat"]
SMALL = {
    "qwen": QWEN.resized(**_SIZES, num_attention_heads=4, num_key_value_heads=4),
    "chatglm": SHAPES["chatglm3-6b"].resized(**_SMALL_SIZES),
}
PLAN = Plan(prompt_lengths=(16, 40), decode_tokens=6, conversations=(2, 3))
JOB = (Question("one", 20, 5, 0), Question("two", 4, 3, 0))
SEED = ROOT.parent / "shared" / "seed" / "answers.jsonl"


# llama.cpp wants heads of 256 and 16 key heads of Qwen3.5.
SMALL_QWEN35 = SHAPES["qwen3.5-0.8b"].resized(
    **_SIZES | {"num_hidden_layers": 4}, num_attention_heads=4, num_key_value_heads=1
)
FILES = {
    **SMALL,
    "qwen35": SMALL_QWEN35,
    "qwen3": SHAPES["qwen3-8b"].resized(**_SMALL_SIZES),
    "glm4": SHAPES["glm-4-9b-0414"].resized(**_SMALL_SIZES),
    "edge": SHAPES["glm-edge-1.5b-chat"].resized(**_SMALL_SIZES),
}


def nothing(words):
    """A progress that nobody watches."""


@pytest.fixture(scope="module")
def small_files(tmp_path_factory):
    """By family, a file of random weights of the small shape."""
    pytest.importorskip("gguf", reason=random_gguf.INSTALL)
    files = {}
    for family, shape in FILES.items():
        files[family] = tmp_path_factory.mktemp("gguf") / f"{family}.gguf"
        random_gguf.write_random_gguf(shape, files[family], nothing)
    return files


# ---- shapes


@pytest.mark.parametrize("model", [*PAIR, "glm-4-9b-0414", "glm-edge-1.5b-chat"])
def test_a_shape_has_as_many_parameters_as_the_published_weights(model):
    of_no_layer = 64 if model == "chatglm3-6b" else 0  # the table of angles, which is in its files
    assert 2 * shape_of(model).parameters + of_no_layer == PUBLISHED[model].weight_bytes


@needs_oracles
@pytest.mark.parametrize(("family", "model"), list(zip(("qwen", "chatglm"), PAIR, strict=True)))
def test_a_shape_says_what_the_original_configuration_would(family, model):
    from backends.families import chatglm, qwen

    config = json.loads((ORACLES / TINY[family] / "config.json").read_text())
    created = (qwen if family == "qwen" else chatglm).model_config(config)
    sizes = {"hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads"}
    own = meta_model(SHAPES[model]).config
    original = type(own)(**created)
    same = set(created) - sizes - {"head_dim"}
    assert {key: getattr(own, key) for key in same} == {key: getattr(original, key) for key in same}


@pytest.mark.parametrize(
    ("model", "millions"),
    # Layers, and twice the embedding: as many as the published ones have.
    [("qwen3.5-0.8b", 498 + 509), ("qwen3.5-4b", 3565 + 1271), ("qwen3-8b", 8191)],
)
def test_a_later_shape_has_as_many_parameters_as_the_published_one(model, millions):
    assert abs(shape_of(model).parameters / 1e6 - millions) < 10


def test_fewer_layers_are_fewer_parameters_and_an_unknown_model_is_refused():
    assert shape_of("qwen-7b-chat", 2).parameters < QWEN.parameters
    with pytest.raises(InputError, match="qwen-7b-chat or chatglm3-6b"):
        shape_of("gpt-2")


# ---- random GGUF files


@pytest.mark.parametrize("family", FILES)
def test_a_random_file_holds_all_of_the_shape(small_files, family):
    head, shape = read_gguf(small_files[family]), FILES[family]
    assert sum(elements for *_, elements in head.tensors) == shape.parameters
    assert {name: kind for name, kind, _ in head.tensors}["output.weight"] == 14  # Q6_K
    assert head.of_model("block_count") == shape.layers
    assert not list(small_files[family].parent.glob("*.part"))


@pytest.mark.parametrize("family", FILES)
def test_the_apps_own_engine_answers_from_a_random_file(small_files, family, monkeypatch):
    from backends.llama import LlamaEngine

    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0})
    events = []
    config = GenerationConfig(5, temperature=1.0, top_p=1.0, top_k=0, repetition_penalty=1.0, seed=1)
    LlamaEngine(small_files[family], 256).complete(range(300, 310), config, lambda event: bool(events.append(event)))
    assert not [event for event in events if "error" in event]
    assert len([event for event in events if event["choices"][0]["text"]]) == 5


def test_a_file_is_written_once_and_not_at_all_where_it_cannot_be(tmp_path):
    pytest.importorskip("gguf", reason=random_gguf.INSTALL)
    said = []
    first = random_gguf.random_gguf(SMALL["qwen"], tmp_path, said.append)
    output = len(said)
    assert random_gguf.random_gguf(SMALL["qwen"], tmp_path, said.append) == first and len(said) == output > 0
    with pytest.raises(BackendError, match="cannot be written: No such file or directory"):
        random_gguf.write_random_gguf(SMALL["qwen"], tmp_path / "nowhere" / "x.gguf", nothing)


def test_without_the_library_one_line_says_how_to_install_it(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "gguf", None)
    with pytest.raises(BackendError, match=r"gguf is missing.*requirements-bench\.txt") as refusal:
        random_gguf.write_random_gguf(SMALL["qwen"], tmp_path / "x.gguf", nothing)
    assert "\n" not in str(refusal.value)


# ---- llama.cpp


@pytest.mark.parametrize("family", SMALL)
def test_llama_cpp_is_measured_alone_and_together(small_files, family):
    said, model = [], GgufModel(SMALL[family], small_files[family])
    alone = run(measure_alone, PLAN, model, progress=said.append)
    together = run(measure_together, PLAN, model, progress=said.append)
    assert [first["prompt_tokens"] for first in alone["first_token"]] == [16, 40]
    assert [entry["conversations"] for entry in together["together"]] == [2, 3]
    assert min(alone["tokens_per_second"], *(entry["tokens_per_second"] for entry in together["together"])) > 0
    assert small_files[family].stat().st_size < alone["peak_bytes"]
    assert alone["engine"].startswith("llama.cpp") and len(said) > 4


def test_a_file_that_llama_cpp_does_not_load_is_one_line(tmp_path):
    (tmp_path / "broken.gguf").write_bytes(b"GGUF and nothing else")
    with pytest.raises(BackendError, match=r"broken\.gguf cannot be loaded"):
        run(measure_alone, PLAN, GgufModel(SMALL["qwen"], tmp_path / "broken.gguf"), progress=nothing)


# ---- transformers


@pytest.mark.parametrize("family", SMALL)
def test_transformers_is_measured(family):
    figures = run(measure_alone, PLAN, SMALL[family], progress=nothing)
    assert [first["prompt_tokens"] for first in figures["first_token"]] == [16, 40]
    assert figures["tokens_per_second"] > 0 and figures["peak_bytes"] > 2 * SMALL[family].parameters
    assert figures["engine"].startswith("transformers")


def test_transformers_is_refused_at_once_where_memory_is_short(monkeypatch):
    def fail(*_):
        raise BackendError("bench_failed", "not measured here")

    monkeypatch.setattr("bench.compared.available_bytes", lambda: 8_000_000_000)
    monkeypatch.setattr(compared, "run", lambda *_, **__: defaultdict(int))
    monkeypatch.setattr(compared, "random_gguf", fail)
    subject = Subject(
        id="x",
        name="x",
        folder="",
        precision="int4",
        weights="random",
        weight_bytes=0,
        read_bytes=0,
        context_length=0,
        layers=0,
        shape=QWEN,
    )
    missing = compared.engine_on(subject, Path(), nothing)["missing"]
    (reason,) = [entry["reason"] for entry in missing if entry["rival"] == "transformers"]
    assert "needs 17.4 GB of memory, and 8.0 GB is free" in reason


# ---- the reference job


@needs_oracles
@pytest.mark.skipif(not SEED.is_file(), reason="needs the reference run")
def test_the_lengths_of_the_reference_job_are_those_of_the_real_tokenizers():
    from backends.families.chatglm import ChatGLMChat
    from backends.families.qwen import QwenChat

    chats = {
        "Qwen-7B-Chat": ("qwen-7b-chat", QwenChat(ORACLES / TINY["qwen"])),
        "ChatGLM3-6B": ("chatglm3-6b", ChatGLMChat(ORACLES / TINY["chatglm"])),
    }
    questions = {prompt.id: prompt.text for prompt in load_prompts(ROOT / "prompts.json")}
    counted = {model: [] for model in REFERENCE}
    for row in map(json.loads, SEED.read_text(encoding="utf-8").splitlines()):
        model, chat = chats[row["model"]]
        prompt = chat.prompt_ids([Message("user", questions[row["prompt_id"]])])
        counted[model].append((row["prompt_id"], len(prompt), len(chat.encode(row["response"])), row["seconds"]))
    assert counted == {model: [tuple(vars(question).values()) for question in REFERENCE[model]] for model in REFERENCE}


def test_the_reference_job_is_known_for_two_models():
    questions = reference_job("qwen-7b-chat")
    assert sum(question.answer_tokens for question in questions) == 623
    assert sum(question.reference_seconds for question in questions) == 1981
    with pytest.raises(InputError, match="not in the reference run"):
        reference_job("smollm2-135m")


def test_llama_cpp_does_a_job(small_files):
    figures = run(measure_job, JOB, GgufModel(SMALL["qwen"], small_files["qwen"]), progress=nothing)
    answers = figures["answers"]
    lengths = [(answer["prompt_id"], answer["prompt_tokens"], answer["answer_tokens"]) for answer in answers]
    assert lengths == [("one", 20, 5), ("two", 4, 3)]
    assert 0 < answers[0]["first_token_seconds"] < answers[0]["seconds"] < figures["seconds"]


# ---- a process of its own


@pytest.fixture
def speaking(monkeypatch):
    """Runs a Python that says what the code prints."""

    def speak(code):
        monkeypatch.setattr(probe, "SERVE", code)
        return run(print, progress=nothing)

    return speak


def test_a_process_that_ends_without_a_result_is_one_line_with_its_last_words(speaking):
    with pytest.raises(BackendError, match=r"exit code 4 and no result: the reason"):
        speaking("import sys; print('the noise\\nthe reason', file=sys.stderr); sys.exit(4)")
    with pytest.raises(BackendError, match="killed, most likely because memory ran out"):
        speaking("import os; os.kill(os.getpid(), 9)")


def test_a_process_does_not_outlive_its_result(speaking):
    assert speaking('import time; print(\'{"result": {"x": 1}}\', flush=True); time.sleep(99)') == {"x": 1}


def test_a_measurement_ends_when_whoever_asked_is_killed(tmp_path):
    mark = tmp_path / "pid"
    (tmp_path / "sleeper.py").write_text(
        "import os, time\nfrom pathlib import Path\n\n\ndef sleep(mark, progress):\n"
        "    Path(mark).write_text(str(os.getpid()))\n    time.sleep(99)\n"
    )
    code = f"import sleeper; from bench.probe import run; run(sleeper.sleep, {str(mark)!r}, progress=print)"
    path = os.pathsep.join([str(ROOT), str(tmp_path)])
    asker = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env={**os.environ, "PYTHONPATH": path})
    assert eventually(lambda: mark.exists() and mark.read_text())
    asker.kill()
    asker.wait()
    assert eventually(lambda: not Path(f"/proc/{mark.read_text()}").exists())


def eventually(true):
    """Whether it comes true within half a minute."""
    until = time.monotonic() + 60
    while not true() and time.monotonic() < until:
        time.sleep(0.05)
    return bool(true())
