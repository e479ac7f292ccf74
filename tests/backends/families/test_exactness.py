"""The two originals against what their own code computes, in float32: logits, steps with the cache, greedy ids."""

import json

import numpy
import pytest
import torch
from micro_engines import scores_after
from model_folders import DATA, MICRO, ORACLES, TINY, needs_oracles

from arena.generation_config import GenerationConfig
from backends.families.weights import architecture_of, load_weights
from backends.hf.engine import HfEngine
from backends.stepping import PREFILL_CHUNK
from backends.stepping.batched import stock_rows
from backends.stepping.cache import TokenCache
from backends.stepping.scheduler import Scheduler

LIMIT = 1e-5
# 3e-6 on the machine that made the oracles; another processor adds in another order. Greedy ids must be equal anyway.
STEP_LIMIT = 8e-6
# Longer prompts of this one need what the context's end makes needless here.
SHORT = "qwen-micro-seq64"
FOLDERS = [
    *(pytest.param((DATA, name), id=name) for name in MICRO),
    *(pytest.param((ORACLES, name), id=name, marks=needs_oracles) for name in (*TINY.values(), SHORT)),
]


class NoStops:
    stop_ids = frozenset()


class Oracle:
    def __init__(self, place, name):
        folder = place / name
        self.engine = HfEngine(stock_rows(load_weights(architecture_of(folder), "fp32")), NoStops(), Scheduler(1), 8192)
        self.said = json.loads((place / "expected" / f"{name}.logits.json").read_text(encoding="utf-8"))
        self.numbers = numpy.load(place / "expected" / f"{name}.logits.npz")
        self.subset = self.numbers["subset_ids"]
        self.longest = 64 if name == SHORT else 10_000
        self.prompts = {key: ids for key, ids in self.said["prompts"].items() if len(ids) <= self.longest}

    def logits(self, ids, piece):
        cache = TokenCache(8192)
        parts = [scores_after(self.engine, ids[start : start + piece], cache) for start in range(0, len(ids), piece)]
        return torch.cat(parts)


@pytest.fixture(scope="module", params=FOLDERS)
def oracle(request):
    return Oracle(*request.param)


@pytest.mark.parametrize("piece", [100_000, PREFILL_CHUNK, 7])
def test_every_prompts_logits_are_the_originals_in_pieces_of_any_size(oracle, piece):
    for key, ids in oracle.prompts.items():
        found = oracle.logits(ids, piece)
        assert numpy.abs(found[:, oracle.subset].numpy() - oracle.numbers[f"logits/{key}"]).max() < LIMIT
        assert (found.argmax(-1).numpy() == oracle.numbers[f"argmax/{key}"]).all()
        assert numpy.abs(found.logsumexp(-1).numpy() - oracle.numbers[f"logsumexp/{key}"]).max() < LIMIT
        if f"full_last/{key}" in oracle.numbers:
            assert numpy.abs(found[-1].numpy() - oracle.numbers[f"full_last/{key}"]).max() < LIMIT


def test_greedy_ids_and_the_steps_to_them_are_the_originals(oracle):
    for key, wanted in oracle.said["greedy"].items():
        if key not in oracle.prompts:
            continue
        ids = oracle.prompts[key]
        wanted = wanted[: oracle.longest - len(ids)]
        config = GenerationConfig(max_new_tokens=max(len(wanted), 1), temperature=0, repetition_penalty=1.1, seed=1)
        found = [token for kind, token in oracle.engine.generate(ids, config) if kind == "token"]
        assert found[: len(wanted)] == wanted
        steps = oracle.numbers.get(f"kvstep_logits/{key}")
        cache = TokenCache(8192)
        scores = scores_after(oracle.engine, ids, cache)[-1]
        for token, step in zip(wanted, steps if steps is not None else (), strict=False):
            assert numpy.abs(scores[oracle.subset].numpy() - step).max() < STEP_LIMIT
            scores = scores_after(oracle.engine, [token], cache)[-1]


def test_a_left_padded_batch_is_the_originals(oracle):
    keys = oracle.said["batch"]
    if not set(keys) <= set(oracle.prompts):
        pytest.skip("a batch as long as this is past the context, where nothing is computed here")
    width = max(len(oracle.prompts[key]) for key in keys)
    padding = [width - len(oracle.prompts[key]) for key in keys]
    ids = [[0] * pad + oracle.prompts[key] for pad, key in zip(padding, keys, strict=True)]
    mask = [[0] * pad + [1] * (width - pad) for pad in padding]
    places = [[0] * pad + list(range(width - pad)) for pad in padding]
    # The library's own way, on which the other way of attention rests.
    oracle.engine._rows.model.set_attn_implementation("sdpa")
    with torch.inference_mode():
        found = oracle.engine._rows.model(
            input_ids=torch.tensor(ids), attention_mask=torch.tensor(mask), position_ids=torch.tensor(places)
        ).logits
    oracle.engine._rows.model.set_attn_implementation("rows")
    for row, (key, pad) in enumerate(zip(keys, padding, strict=True)):
        rows = found[row, pad:, oracle.subset].numpy()
        assert numpy.abs(rows - oracle.numbers[f"batch_logits/{key}"]).max() < LIMIT
