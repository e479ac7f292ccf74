"""Choosing the next id: what the filters leave is what transformers' own leave, and it takes no time."""

import time

import numpy as np
import pytest
import torch
from transformers.generation import (
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from arena.errors import BackendError
from arena.generation_config import GenerationConfig
from backends.stepping.sampling import Sampler

SETTINGS = [
    {},
    {"temperature": 0.2},
    {"temperature": 5.0},
    {"top_k": 1},
    {"top_k": 50},
    {"top_k": 100_000},
    {"top_p": 0.01},
    {"top_p": 0.8},
    {"top_p": 0.9999},
    {"top_k": 50, "top_p": 0.8, "temperature": 0.8},
    {"top_k": 3000, "top_p": 0.95, "temperature": 2.0},
    {"repetition_penalty": 1.1, "top_p": 0.8},
    {"repetition_penalty": 0.5, "temperature": 0.7},
]


def config_of(settings):
    return GenerationConfig(**{"temperature": 1.0, "top_p": 1.0, "seed": 1, **settings})


def theirs(scores, seen, config):
    """The ids that the library's own filters leave, and how likely each id is by them."""
    ids, result = torch.tensor([seen]), scores[None].clone()
    if config.repetition_penalty != 1:
        result = RepetitionPenaltyLogitsProcessor(config.repetition_penalty)(ids, result)
    result = TemperatureLogitsWarper(config.temperature)(ids, result)
    if config.top_k:
        result = TopKLogitsWarper(config.top_k)(ids, result)
    if config.top_p < 1:
        result = TopPLogitsWarper(config.top_p)(ids, result)
    return set(result[0].isfinite().nonzero()[:, 0].tolist()), result.softmax(-1)[0].double().numpy()


def ours(scores, seen, config):
    chances = np.zeros(len(scores))
    ids, weights = Sampler(config, seen).left(scores.numpy())
    chances[ids] = weights / weights.sum(dtype=np.float64)
    assert len(set(ids)) == len(ids)
    return set(ids.tolist()), chances


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("size", [3, 2048, 30_000])
@pytest.mark.parametrize("spread", [0.5, 4.0])
def test_the_filters_are_the_librarys(settings, size, spread):
    random = torch.Generator().manual_seed(size)
    for _ in range(5):
        scores = torch.randn(size, generator=random) * spread
        seen = torch.randint(size, (100,), generator=random).tolist()
        (wanted, likely), (found, chances) = (way(scores, seen, config_of(settings)) for way in (theirs, ours))
        # The library sums up in 32 bits, and so may decide otherwise about some of next to no weight at the limit.
        assert max([0, *(max(likely[one], chances[one]) for one in wanted ^ found)]) < 2e-4
        assert len(wanted ^ found) <= size // 1000
        assert np.abs(likely - chances).max() < 2e-4


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_what_is_equally_good_is_treated_as_the_library_does(settings):
    # Ten only: of more the library takes any of those that are equal at the limit.
    scores = torch.tensor([1.0, 3.0, 3.0, 1.0, 3.0, 2.0, 3.0, 1.0, 2.0, 2.0])
    (wanted, likely), (found, chances) = (way(scores, [1, 5, 5], config_of(settings)) for way in (theirs, ours))
    assert wanted == found
    assert np.abs(likely - chances).max() < 1e-6


# All equal, and the best 1024 ending among equals.
@pytest.mark.parametrize("counts", [[(4096, 0.0)], [(1000, 5.0), (100, 4.0), (3000, 1.0)], [(1020, 3.0), (9, 2.0)]])
@pytest.mark.parametrize("top_p", [0.01, 0.25, 0.5, 0.9, 0.95, 0.99])
def test_of_many_equal_ones_as_many_are_left_as_the_library_leaves(counts, top_p):
    scores = torch.cat([torch.full((count,), value) for count, value in counts])
    (wanted, _), (found, _) = (way(scores, [0], config_of({"top_p": top_p})) for way in (theirs, ours))
    for _, value in counts:
        left = [sum(float(scores[one]) == value for one in ids) for ids in (wanted, found)]
        assert abs(left[0] - left[1]) <= 1


def test_ids_are_drawn_as_often_as_they_are_likely():
    scores = torch.tensor([0.0, 1.0, 2.0, -1.0])
    sampler = Sampler(config_of({}), [])
    drawn = np.bincount([sampler(scores) for _ in range(20_000)], minlength=4) / 20_000
    assert np.abs(drawn - scores.softmax(-1).numpy()).max() < 0.015


def test_an_id_without_probability_is_never_drawn():
    scores = torch.tensor([-2000.0, 0.0, -2000.0, 0.0, -2000.0])
    sampler = Sampler(config_of({}), [])
    assert {sampler(scores) for _ in range(500)} == {1, 3}


def test_a_temperature_near_zero_takes_the_best_id():
    assert Sampler(config_of({"temperature": 1e-45}), [])(torch.tensor([1.0, 3.0, 2.0])) == 1


def test_a_seed_draws_the_same_and_none_draws_anew():
    scores = torch.randn(2000, generator=torch.Generator().manual_seed(1))

    def drawn(seed):
        sampler = Sampler(GenerationConfig(temperature=1.0, seed=seed), [])
        return [sampler(scores) for _ in range(20)]

    assert drawn(1) == drawn(1) != drawn(2)
    assert drawn(None) != drawn(None)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("temperature", [0, 1.0])
def test_scores_that_are_not_finite_are_refused(value, temperature):
    scores = torch.zeros(100)
    scores[50] = value
    with pytest.raises(BackendError, match="not finite"):
        Sampler(GenerationConfig(temperature=temperature), [])(scores)


def test_scores_are_left_as_they_are_and_may_be_of_half_precision():
    scores = torch.randn(500)
    before = scores.clone()
    Sampler(config_of({"repetition_penalty": 1.3, "top_k": 7}), [1, 2])(scores)
    assert torch.equal(scores, before)
    assert Sampler(GenerationConfig(temperature=0), [])(scores.bfloat16()) == int(scores.bfloat16().argmax())


@pytest.mark.parametrize(
    "settings",
    [{"top_p": 0.8, "repetition_penalty": 1.1}, {"top_k": 50, "top_p": 0.8, "temperature": 0.8}, {"temperature": 0}],
    ids=["qwen", "chatglm", "greedy"],
)
def test_it_takes_no_time(settings):
    scores = torch.randn(151_936, generator=torch.Generator().manual_seed(1)) * 4
    sampler = Sampler(config_of(settings), range(2000))
    sampler(scores)
    seconds = []
    for _ in range(30):
        began = time.thread_time()
        sampler(scores)
        seconds.append(time.thread_time() - began)
    # Under one millisecond on a quiet machine; a wide limit, since others compute too.
    assert min(seconds) < 0.004
