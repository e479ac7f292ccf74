"""Which way of reading ahead the kernels choose, and that it changes no result."""

import json
import logging
import platform
import re

import pytest
import torch

from backends.packed.kernel_build import NoKernels, build
from backends.packed.kernel_trial import WAYS, ReadAhead, Way
from backends.packed.kernels import Kernels, computed_by, find_kernels
from backends.packed.scheme import pack4, round4


@pytest.fixture
def library(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    try:
        return build()
    except NoKernels as reason:
        pytest.skip(f"no kernels on this machine: {reason}")


def test_the_quickest_way_is_chosen_and_named():
    ahead = ReadAhead((0.5, 0.6, 0.4))
    assert ahead.way == WAYS[2] == Way(True, 4096)
    said = "reading 4096 bytes ahead past the caches (a product took 0.40 ms, in other ways 0.50 to 0.60)"
    assert str(ahead) == said
    assert str(ReadAhead((0.4, 0.41, 0.5))).startswith("reading 4096 bytes ahead into the caches (")


def test_a_library_is_tried_out_once(library):
    first = Kernels(library)
    kept = library.with_suffix(".json")
    times = json.loads(kept.read_text("utf-8"))
    assert first.ahead == ReadAhead(tuple(times)) and min(times) > 0
    for best in range(len(WAYS)):
        other = ReadAhead(tuple(float(place != best) for place in range(len(WAYS))))
        kept.write_text(json.dumps(other.milliseconds), encoding="utf-8")
        assert Kernels(library).ahead == other and other.way == WAYS[best]


@pytest.mark.parametrize("damaged", ["", "[1, 2]", '{"into_caches_ms": 1}', '["a", 1, 1]', "1"])
def test_a_damaged_result_is_made_again(library, damaged):
    kept = library.with_suffix(".json")
    kept.write_text(damaged, encoding="utf-8")
    assert Kernels(library).ahead.milliseconds == tuple(json.loads(kept.read_text("utf-8")))


def test_a_result_that_cannot_be_kept_counts_for_this_process(library):
    library.with_suffix(".part").mkdir()
    assert min(Kernels(library).ahead.milliseconds) > 0


def test_all_ways_give_the_same_bits_and_are_in_the_library(library):
    kernels = Kernels(library)
    random = torch.Generator().manual_seed(1)
    packed = pack4(round4(torch.randn(256, 512, generator=random), 32))
    for rows in (1, 3, 4, 5, 8, 40):
        x = torch.randn(rows, 512, generator=random).to(torch.bfloat16)
        results = []
        for way in WAYS:
            kernels.set_ahead(way)
            results.append(kernels.few4(x, packed, None))
        assert all(torch.equal(result, results[0]) for result in results)
    # Prefetch instructions to the second cache and past it: gcc drops them all if they stand alone in a function. The
    # products of few and of many rows each ask for two lines of weights and two of scales.
    if platform.machine() != "x86_64":
        return
    kinds = [found[2] >> 3 & 7 for found in re.findall(rb"\x0f\x18[\x00-\xbf]", library.read_bytes())]
    assert kinds.count(2) >= 8 and kinds.count(0) >= 8


def test_what_computes_is_logged_and_named(library, caplog):
    caplog.set_level(logging.INFO, "backends.packed.kernels")
    kernels = find_kernels.__wrapped__()
    assert [record.getMessage() for record in caplog.records] == [f"Packed weights are computed by {kernels}."]
    assert re.match(
        r"compiled kernels for \S+( and AMX)?, reading [0-9]+ bytes ahead (past|into) the caches \(", str(kernels)
    )


def test_without_kernels_pytorch_is_named(monkeypatch):
    monkeypatch.setattr("backends.packed.kernels.find_kernels", lambda: None)
    assert computed_by() == "PyTorch alone"
