"""Packed files as tensors: the very bytes, in large pages where they help, and no header believed that lies."""

import json
import struct
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from arena.errors import BackendError
from backends.packed.open import map_tensors

TENSORS = {
    "layer.packed": torch.arange(96, dtype=torch.uint8).view(2, 3, 16),
    "layer.weight8": torch.arange(-60, 60, dtype=torch.int8).view(5, 24),
    "layer.scale8": torch.linspace(-1, 1, 5),
    "layer.scales": torch.linspace(-2, 2, 12).to(torch.bfloat16).view(3, 4),
}
SMAPS = Path("/proc/self/smaps")


def test_tensors_are_those_of_the_library_and_a_change_stays_out_of_the_file(tmp_path):
    file = tmp_path / "packed-a.safetensors"
    save_file(TENSORS, file, metadata={"format": "pt"})
    found, wanted = map_tensors(file), load_file(file)
    assert found.keys() == wanted.keys() == TENSORS.keys()
    for key, tensor in found.items():
        assert tensor.dtype == wanted[key].dtype and torch.equal(tensor, wanted[key]), key
    found["layer.packed"].zero_()
    assert torch.equal(load_file(file)["layer.packed"], TENSORS["layer.packed"])


def advised(address):
    """Whether the mapping with the address asks for large pages."""
    here = False
    for line in SMAPS.read_text(encoding="utf-8").splitlines():
        if not line.split()[0].endswith(":"):
            low, high = (int(part, 16) for part in line.split()[0].split("-"))
            here = low <= address < high
        elif here and line.startswith("VmFlags:"):
            return "hg" in line.split()
    raise AssertionError("the address is mapped nowhere")


@pytest.mark.skipif(not Path("/sys/kernel/mm/transparent_hugepage").exists(), reason="this system has no large pages")
@pytest.mark.parametrize(("key", "large"), [("a.packed", True), ("head.weight8", True), ("embed.weight", False)])
def test_large_pages_are_asked_for_what_every_token_reads_whole(tmp_path, key, large):
    file = tmp_path / "packed-a.safetensors"
    save_file({key: torch.ones(64, 64, dtype=torch.int8)}, file)
    (tensor,) = map_tensors(file).values()
    assert advised(tensor.data_ptr()) is large


def entry(**changes):
    return {"dtype": "I8", "shape": [2, 8], "data_offsets": [0, 16], **changes}


@pytest.mark.parametrize(
    "lie",
    [
        entry(dtype="I64"),
        entry(dtype=["I8"]),
        entry(shape=None),
        entry(shape=[2, 9]),
        entry(shape=[-2, -8]),
        entry(shape=[0]),
        entry(shape=[16, True]),
        entry(shape=[2.0, 8]),
        entry(shape=[1 << 62, 4], data_offsets=[0, 1 << 64]),
        entry(data_offsets=[0, 32], shape=[32]),
        entry(data_offsets=[8, 24]),
        entry(data_offsets=[-16, 0]),
        entry(data_offsets=[16, 0]),
        entry(data_offsets=[0, 8, 16]),
        entry(data_offsets="ab"),
        "I8",
        None,
    ],
)
def test_a_header_that_lies_is_refused_in_one_line(tmp_path, lie):
    text = json.dumps({"a": lie}).encode()
    file = tmp_path / "packed-a.safetensors"
    file.write_bytes(struct.pack("<Q", len(text)) + text + bytes(16))
    with pytest.raises(BackendError, match=r"packed-a\.safetensors is damaged: the header does not fit 'a'"):
        map_tensors(file)
