"""Pages of memory that go back to the system."""

import mmap
from pathlib import Path

import pytest

from backends.machine.memory import process_bytes
from backends.machine.pages import give_back, lazy_memory, return_freed

# More than the C library gets from the system at a time, less than what it hands back by itself.
BLOCK, BLOCKS = 50_000, 2000


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="this system does not say what is in memory")
def test_freed_memory_is_returned_between_blocks_in_use():
    blocks = [bytearray(b"x" * BLOCK) for _ in range(BLOCKS)]
    del blocks[0 : BLOCKS - 1 : 2]
    full = process_bytes("RssAnon")
    del blocks[: len(blocks) - 1]
    return_freed()
    assert full - process_bytes("RssAnon") > 0.3 * BLOCK * BLOCKS


def test_freed_memory_is_left_where_the_c_library_cannot_be_named(monkeypatch):
    asked = []

    def library(name):
        asked.append(name)
        return "/" in name  # as ctypes looks for a folder in it on Windows

    monkeypatch.setattr("ctypes.CDLL", library)
    return_freed()
    assert asked == [None]


@pytest.mark.parametrize("lacking", [(), ("MAP_ANONYMOUS", "MAP_PRIVATE", "MAP_NORESERVE", "MADV_DONTNEED")])
def test_lazy_memory_is_zero_and_can_be_written_on_every_system(monkeypatch, lacking):
    # Windows has none of these names.
    for name in lacking:
        monkeypatch.delattr(mmap, name, raising=False)
    memory = lazy_memory(3 * mmap.PAGESIZE)
    assert memory[:] == bytes(3 * mmap.PAGESIZE)
    memory[mmap.PAGESIZE] = 7
    give_back(memory, 2 * mmap.PAGESIZE, 3 * mmap.PAGESIZE)
    assert memory[mmap.PAGESIZE] == 7
