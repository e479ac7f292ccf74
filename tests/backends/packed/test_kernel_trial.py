"""Which way of reading ahead the kernels choose, and that it changes no result."""

import json
import logging
import re

import pytest
import torch

from backends.packed.kernel_build import NoKernels, build
from backends.packed.kernel_trial import ReadAhead
from backends.packed.kernels import Kernels, computed_by, find_kernels
from backends.packed.scheme import pack4, round4


@pytest.fixture
def library(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    try:
        return build()
    except NoKernels as reason:
        pytest.skip(f"no kernels on this machine: {reason}")


def test_the_quicker_way_is_chosen_and_named():
    past = ReadAhead(0.5, 0.4)
    assert past.past_caches and not ReadAhead(0.4, 0.5).past_caches
    assert str(past) == "reading past the caches (a product took 0.50 ms into the caches, 0.40 ms past them)"
    assert str(ReadAhead(0.4, 0.5)).startswith("reading into the caches (")


def test_a_library_is_tried_out_once(library):
    first = Kernels(library)
    kept = library.with_suffix(".json")
    times = json.loads(kept.read_text("utf-8"))
    assert first.ahead == ReadAhead(**times) and min(times.values()) > 0
    for other in (ReadAhead(1, 2), ReadAhead(2, 1)):
        kept.write_text(json.dumps(vars(other)), encoding="utf-8")
        assert Kernels(library).ahead == other


@pytest.mark.parametrize(
    "damaged", ["", "[1, 2]", '{"into_caches_ms": 1}', '{"into_caches_ms": "a", "past_caches_ms": 1}']
)
def test_a_damaged_result_is_made_again(library, damaged):
    kept = library.with_suffix(".json")
    kept.write_text(damaged, encoding="utf-8")
    assert vars(Kernels(library).ahead) == json.loads(kept.read_text("utf-8"))


def test_a_result_that_cannot_be_kept_counts_for_this_process(library):
    library.with_suffix(".part").mkdir()
    assert Kernels(library).ahead.into_caches_ms > 0


def test_both_ways_give_the_same_bits_and_are_in_the_library(library):
    kernels = Kernels(library)
    random = torch.Generator().manual_seed(1)
    packed = pack4(round4(torch.randn(256, 512, generator=random), 32))
    for rows in (1, 3, 4, 5, 8, 40):
        x = torch.randn(rows, 512, generator=random).to(torch.bfloat16)
        results = []
        for past in (False, True):
            kernels.set_ahead(past)
            results.append(kernels.few4(x, packed, None))
        assert torch.equal(*results)
    # Prefetch instructions to the second cache and past it: gcc drops them all if they stand alone in a function.
    kinds = [found[2] >> 3 & 7 for found in re.findall(rb"\x0f\x18[\x00-\xbf]", library.read_bytes())]
    assert kinds.count(2) > 20 and kinds.count(0) > 20


def test_what_computes_is_logged_and_named(library, caplog):
    caplog.set_level(logging.INFO, "backends.packed.kernels")
    kernels = find_kernels.__wrapped__()
    assert [record.getMessage() for record in caplog.records] == [f"Packed weights are computed by {kernels}."]
    assert re.match(r"compiled kernels for \S+( and AMX)?, reading (past|into) the caches \(", str(kernels))


def test_without_kernels_pytorch_is_named(monkeypatch):
    monkeypatch.setattr("backends.packed.kernels.find_kernels", lambda: None)
    assert computed_by() == "PyTorch alone"
