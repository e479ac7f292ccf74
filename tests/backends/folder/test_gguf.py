"""Heads of GGUF files that mean no good: refused at once, whatever they claim."""

import struct

import pytest

from arena.errors import BackendError
from backends.folder.gguf import LONGEST_STRING, MOST_ENTRIES, MOST_STRINGS, read_gguf

STRING, ARRAY, U32 = 8, 9, 4


def text(value):
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def head(tensors, pairs, *rest):
    return b"GGUF" + struct.pack("<IQQ", 3, tensors, pairs) + b"".join(rest)


def array(kind, count, *rest):
    return text("list") + struct.pack("<IIQ", ARRAY, kind, count) + b"".join(rest)


HOSTILE = {
    "pairs": head(0, MOST_ENTRIES + 1),
    "tensors": head(MOST_ENTRIES + 1, 0),
    "strings": head(0, 1, array(STRING, MOST_STRINGS + 1)),
    "string": head(0, 1, struct.pack("<Q", LONGEST_STRING + 1)),
    "numbers": head(0, 1, array(U32, 1 << 60)),
    "deep": head(0, 1, text("list"), struct.pack("<I", ARRAY), struct.pack("<IQ", ARRAY, 1) * 100_000),
}


@pytest.fixture
def write(tmp_path):
    def write_file(data, size=1 << 28):
        path = tmp_path / "model.gguf"
        path.write_bytes(data)
        with path.open("r+b") as file:
            file.truncate(max(size, len(data)))  # a hole: nothing is written
        return path

    return write_file


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_head_that_claims_too_much_is_refused_at_once(write, kind):
    with pytest.raises(BackendError, match="cannot be read") as refusal:
        read_gguf(write(HOSTILE[kind]))
    assert refusal.value.code == "model_damaged"


def test_a_long_list_of_strings_is_counted_and_the_next_value_read(write):
    words = array(STRING, 5000, *(text("x") for _ in range(5000)))
    path = write(head(0, 2, words, text("after"), struct.pack("<II", U32, 7)))
    assert read_gguf(path).metadata == {"list": 5000, "after": 7}
