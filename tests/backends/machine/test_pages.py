"""Pages of memory that go back to the system."""

from pathlib import Path

import pytest

from backends.machine.memory import process_bytes
from backends.machine.pages import return_freed

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
