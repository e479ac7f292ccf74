"""Checkpoint folders as backends, beyond what every backend promises: what is said, sampled, shared and refused."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace

import pytest
import torch
from model_folders import DATA, ORACLES, TINY, copied, edit_json, needs_oracles, scripted_original
from opened import open_backends
from served_app import ROOT

from arena.errors import BackendError, InputError
from arena.generation_config import GenerationConfig
from arena.types import Chunk, Message
from backends.families.chatglm import ROLES
from backends.families.qwen import END_OF_TEXT, IM_END, IM_START
from backends.hf.backend import HfBackend, load_engine
from backends.hf.engine import HfEngine, open_engine
from backends.models.resolve import folder_spec, resolve
from backends.stepping import stepper
from backends.stepping.sampling import Sampler
from backends.stepping.scheduler import Scheduler
from backends.streaming.loading import BackgroundLoad

# No token twice in one of them, and for Qwen no single line break: the scripted folders go by the last token alone.
TEXTS = {
    "qwen": ("你好👋！", " Flags: 🇨🇳, é\n\n**ﬁ "),
    "chatglm": ("你好👋！", "    if x:\n\treturn 1  # 是"),
}
ENDS = {"qwen": (IM_END, IM_START, END_OF_TEXT), "chatglm": (2, ROLES["user"], ROLES["observation"])}
ANSWERS = [(family, end, text) for family in TEXTS for end in ENDS[family] for text in TEXTS[family]]


def opened(folder):
    (backend,) = open_backends([resolve(str(folder))])
    return closing(backend)


# ---- what is said


@needs_oracles
@pytest.mark.parametrize("settings", [{}, {"temperature": 0}], ids=["defaults", "greedy"])
@pytest.mark.parametrize(("family", "end", "reply"), ANSWERS)
def test_an_original_folder_answers_in_whole_characters_and_ends_at_each_of_its_marks(
    tmp_path, family, end, reply, settings, texts_of
):
    with opened(scripted_original(tmp_path / "model", family, reply, end)) as backend:
        chunks = list(backend.stream([Message("user", "说点什么")], backend.spec.config({"seed": 1, **settings})))
    shown = texts_of(chunks)
    assert shown[-1] == reply.strip()
    assert all(reply.strip().startswith(text) for text in shown)
    assert chunks[-1].finish_reason == "stop"


@needs_oracles
@pytest.mark.parametrize("family", TINY)
def test_the_defaults_are_the_originals(family):
    spec = folder_spec(ORACLES / TINY[family])
    wanted = {
        "qwen": GenerationConfig(512, 1.0, 0.8, 0, 1.1),
        "chatglm": GenerationConfig(2048, 0.8, 0.8, 50, 1.0),
    }[family]
    assert (spec.defaults, spec.context_length, spec.precision) == (wanted, 8192, "bf16")


# ---- how it is sampled


@needs_oracles
@pytest.mark.parametrize("family", TINY)
def test_a_seed_gives_the_same_answer_whatever_else_runs(talkative, family, answer_of):
    spec, engine = talkative(family)

    def said(seed):
        backend = HfBackend(spec, BackgroundLoad(lambda: engine))
        return answer_of(
            backend.stream([Message("user", "Hi")], spec.config({"seed": seed, "max_new_tokens": 24}))
        ).text

    torch.manual_seed(0)
    alone = [said(seed) for seed in (1, 2, 3)]
    torch.manual_seed(7)
    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(said, (1, 2, 3))) == alone
    assert len(set(alone)) == 3
    assert said(None) != said(None)


@needs_oracles
def test_greedy_takes_the_best_also_where_the_folder_names_a_penalty(talkative, ask, answer_of):
    spec, engine = talkative("qwen")
    assert spec.defaults.repetition_penalty == 1.1
    backend = HfBackend(spec, BackgroundLoad(lambda: engine))
    penalised, plain = (
        answer_of(ask(backend, repetition_penalty=penalty, max_new_tokens=24)).text for penalty in (1.1, 1.0)
    )
    assert penalised == plain


def pick(scores, ids=(), **settings):
    config = GenerationConfig(**{"temperature": 1.0, "top_p": 1.0, "seed": 1, **settings})
    sampler = Sampler(config, list(ids))
    return [sampler(torch.tensor(scores)) for _ in range(200)]


def test_a_repetition_penalty_counts_the_prompt_and_the_answer():
    scores = [0.0, 60.0, 40.0]
    assert pick(scores, [1], repetition_penalty=1.0) == [1] * 200
    # Divided by two, the first is 30; then the second has been said as well and is 20.
    assert pick(scores, [1], repetition_penalty=2.0) == [2] + [1] * 199


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [({}, {0, 1, 2, 3}), ({"top_k": 2}, {2, 3}), ({"top_p": 0.6}, {2, 3}), ({"temperature": 0.01}, {3})],
)
def test_each_filter_leaves_what_it_should(settings, wanted):
    assert set(pick([0.4, 0.5, 0.9, 1.0], **settings)) == wanted


# ---- precision


@pytest.mark.parametrize("name", ["qwen-micro-vocab2048", "chatglm3-micro-vocab2048", "chatglm3-micro-bin"])
@pytest.mark.parametrize(("precision", "dtype"), [("bf16", torch.bfloat16), ("fp32", torch.float32)])
def test_weights_come_in_the_precision_asked_for_whatever_the_file_has(name, precision, dtype):
    from backends.families.weights import architecture_of, load_weights

    folder = DATA / name
    model = load_weights(architecture_of(folder), precision)
    assert {parameter.dtype for parameter in model.parameters()} == {dtype}
    assert model.dtype == dtype
    whole = load_weights(architecture_of(folder), "fp32")
    for (key, value), (_, exact) in zip(model.named_parameters(), whole.named_parameters(), strict=True):
        assert torch.equal(value, exact.to(dtype)), key


@needs_oracles
def test_the_same_folder_in_two_precisions_is_two_models_with_an_engine_each():
    folder = ORACLES / TINY["qwen"]
    backends = open_backends([resolve(str(folder)), resolve(f"{folder}@fp32"), resolve(f"{folder}@bf16")])
    assert [backend.spec.id for backend in backends] == [TINY["qwen"], f"{TINY['qwen']}@fp32", TINY["qwen"]]
    assert backends[0]._load is backends[2]._load is not backends[1]._load


def test_other_precisions_are_refused_with_those_there_are():
    with pytest.raises(InputError, match="int4, int8, bf16 or fp32"):
        resolve(f"{DATA / 'qwen-micro-vocab2048'}@fp16")


@needs_oracles
def test_two_that_load_at_once_come_out_right_and_disturb_no_answer(talkative, answer_of):
    spec, engine = talkative("qwen")
    config = spec.config({"seed": 4, "max_new_tokens": 100})

    def answer():
        backend = HfBackend(spec, BackgroundLoad(lambda: engine))
        return answer_of(backend.stream([Message("user", "Hi")], config)).text

    def load(family):
        found = open_engine(folder_spec(ORACLES / TINY[family]), Scheduler(1))
        return {parameter.dtype for parameter in found._rows.model.parameters()}

    alone = answer()
    with ThreadPoolExecutor(6) as pool:
        loads = [pool.submit(load, family) for family in [*TINY] * 3]
        answers = [pool.submit(answer) for _ in range(2)]
        assert [load.result() for load in loads] == [{torch.bfloat16}] * 6
        assert [answer.result() for answer in answers] == [alone] * 2


BOTH = """
import sys, time
from backends import Backends
from backends.models.resolve import resolve
from backends.stepping.scheduler import Scheduler
from backends.stepping.sampling import Sampler
backends = list(map(Backends().open, map(resolve, sys.argv[1:])))
for backend in backends:
    backend.load()
while not all(backend.load_state.ready or backend.load_state.error for backend in backends):
    time.sleep(0.05)
print([backend.load_state.error for backend in backends])
"""


@needs_oracles
def test_both_originals_load_at_once_in_a_process_that_has_loaded_nothing():
    arguments = [sys.executable, "-c", BOTH, *(str(ORACLES / name) for name in TINY.values())]
    done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "[None, None]", done.stderr


# ---- several at once, and turn after turn


def turn(backend, messages, prompt_text, **settings):
    """The messages with one more question and its answer, and the answer's chunks."""
    asked = [*messages, Message("user", prompt_text)]
    chunks = list(backend.stream(asked, backend.spec.config({"seed": 1, "max_new_tokens": 12, **settings})))
    text = "".join(chunk.text for chunk in chunks)
    return [*asked, Message("assistant", text)], chunks


@needs_oracles
@pytest.mark.parametrize("family", TINY)
def test_a_later_turn_reads_only_what_is_new_and_says_so(talkative, family):
    spec, engine = talkative(family)
    engine.forget()
    backend = HfBackend(spec, BackgroundLoad(lambda: engine))
    talk, chunks = turn(backend, [], "一个中国 " * 60)
    assert chunks[-1].usage.cached_tokens == 0
    first = chunks[-1].usage.prompt_tokens
    for text in ("Hi", "可以没有"):
        talk, chunks = turn(backend, talk, text)
        usage = chunks[-1].usage
        assert first <= usage.cached_tokens < usage.prompt_tokens < usage.cached_tokens + 60
        # What need not be read counts as read.
        reading = [chunk.done for chunk in chunks if chunk.stage == "reading"]
        assert reading == [0, usage.cached_tokens, usage.prompt_tokens]
    assert turn(backend, talk[:-2], text)[0] == talk


@needs_oracles
def test_more_than_there_is_room_for_wait_and_are_answered(talkative, ask, answer_of, monkeypatch):
    spec, engine = talkative("qwen")
    scheduler = Scheduler(1)
    one = engine.cache_bytes(300)
    monkeypatch.setattr(stepper, "cache_budget", lambda full: one)
    small = HfEngine(engine._rows, engine.chat, scheduler, 4096)
    backend = HfBackend(spec, BackgroundLoad(lambda: small))
    with closing(ask(backend, "Hi", max_new_tokens=280)) as running:
        assert next(chunk for chunk in running if chunk.text)
        # There are places for all, but no bytes; and the third asks for more than there are at all.
        second, third = (ask(backend, "Hi", max_new_tokens=tokens) for tokens in (20, 700))
        assert [next(waiting) for waiting in (second, third)] == [queued(1), queued(2)]
    assert answer_of(second).usage.new_tokens == 20
    assert answer_of(third).usage.new_tokens == 700
    assert small._caches.bytes <= small.cache_bytes(800)


def queued(place):
    return Chunk(stage="queued", done=place)


# ---- the context


@needs_oracles
@pytest.mark.parametrize("family", TINY)
def test_the_context_ends_where_the_folder_says(tmp_path, family, ask, answer_of):
    folder = copied(ORACLES / TINY[family], tmp_path / "short")
    edit_json(folder / "config.json", seq_length=64)
    with opened(folder) as backend:
        assert backend.spec.context_length == 64
        talk = [Message("user", "one two three " * 10), Message("assistant", "好"), Message("user", "Hi")]
        chunks = list(backend.stream(talk, GenerationConfig(max_new_tokens=20, temperature=0)))
        assert sum(chunk.dropped_turns for chunk in chunks) == 1
        assert answer_of(chunks).usage.prompt_tokens + 20 <= 64
        with pytest.raises(InputError) as refusal:
            list(ask(backend, "word " * 100))
        assert refusal.value.details["limit"] == 64
        assert refusal.value.details["tokens"] > 100


@needs_oracles
def test_turns_beyond_qwens_own_window_are_left_out_and_said(tmp_path):
    folder = copied(ORACLES / TINY["qwen"], tmp_path / "window")
    edit_json(folder / "generation_config.json", max_window_size=45)
    turn = [Message("user", "one two three four five six seven"), Message("assistant", "eight nine ten eleven")]
    with opened(folder) as backend:
        chunks = list(backend.stream([*turn * 3, Message("user", "Hi")], GenerationConfig(max_new_tokens=2)))
    assert [chunk.dropped_turns for chunk in chunks if chunk.dropped_turns] == [2]


def test_the_micro_folder_of_64_positions_has_a_context_of_64():
    folder = ORACLES / "qwen-micro-seq64"
    if not folder.is_dir():
        pytest.skip("needs the stored folder")
    assert folder_spec(folder).context_length == 64


# ---- what fails


@needs_oracles
@pytest.mark.parametrize("module", ["transformers", "torch", "tiktoken", "sentencepiece"])
def test_a_missing_library_is_one_line_with_the_command(monkeypatch, module):
    family = "chatglm" if module == "sentencepiece" else "qwen"
    for name in [name for name in sys.modules if name.startswith(("backends.hf.engine", "backends.families.weights"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(BackendError) as refusal:
        load_engine(folder_spec(ORACLES / TINY[family]), Scheduler(1))
    assert module in str(refusal.value)
    assert "pip install -r requirements-hf.txt" in str(refusal.value)


@needs_oracles
@pytest.mark.parametrize("version", ["4.44.2", "5.8.1", "6.0.0", "6.0.0rc1"])
def test_a_library_that_maps_nothing_is_refused_with_the_versions_that_do(monkeypatch, version):
    import transformers

    monkeypatch.setattr(transformers, "__version__", version)
    with pytest.raises(BackendError, match=rf"5\.16\.1.*{version}"):
        load_engine(folder_spec(ORACLES / TINY["qwen"]), Scheduler(1))


@needs_oracles
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_that_are_none_end_the_answer_with_an_error(tmp_path, value):
    from model_folders import rewrite

    folder = copied(ORACLES / TINY["qwen"], tmp_path / "broken")
    rewrite(folder, lambda tensors: tensors["transformer.ln_f.weight"].fill_(value))
    with pytest.raises(BackendError) as refusal:
        open_engine(folder_spec(folder), Scheduler(1))
    assert refusal.value.code == "backend_failed"


@needs_oracles
def test_an_engine_that_fails_in_the_middle_ends_that_stream_alone(
    talkative, ask, answer_of, threads_return, monkeypatch
):
    spec, engine = talkative("qwen")

    decode, steps = engine._rows.decode, []

    def failing(caches, ids):
        steps.append(ids)
        if len(steps) == 4:
            raise RuntimeError("out of memory\n  at file.cpp:7")
        return decode(caches, ids)

    monkeypatch.setattr(engine._rows, "decode", failing)
    backend = HfBackend(replace(spec, name="Broken"), BackgroundLoad(lambda: engine))
    with pytest.raises(BackendError) as failure:
        list(ask(backend))
    assert str(failure.value) == "transformers failed: out of memory"
    assert threads_return()
    assert answer_of(ask(backend)).text
