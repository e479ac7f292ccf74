"""The errors that a person may see."""

import errno

import pytest

from arena.errors import ArenaError, BackendError, InputError, VoteRefused, info_of, os_error_as


def test_an_os_error_becomes_an_arena_error_with_the_reason_of_the_system():
    saving = os_error_as("not_saved", "The vote was not saved", VoteRefused, path="votes.csv")
    with pytest.raises(VoteRefused) as refused, saving:
        raise OSError(errno.ENOSPC, "No space left on device", "votes.csv")
    assert str(refused.value) == "The vote was not saved: No space left on device."
    assert refused.value.code == "not_saved"
    assert refused.value.details == {"path": "votes.csv", "reason": "No space left on device"}
    assert isinstance(refused.value.__cause__, OSError)


def test_other_errors_pass_unchanged():
    with pytest.raises(InputError, match=r"^Another one$"), os_error_as("code", "Message"):
        raise InputError("other", "Another one")


def caused(error: ArenaError, cause: Exception) -> ArenaError:
    """The error as it is raised from the other one."""
    error.__cause__ = cause
    return error


# As PyTorch on Linux and on Windows, and llama.cpp, say it.
LINUX = RuntimeError("[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: 12 GB.")
WINDOWS = RuntimeError("[enforce fail at alloc_cpu.cpp:81] data. DefaultCPUAllocator: not enough memory: 12 GB.")
LLAMA = RuntimeError("std::bad_alloc")
FAILED = "The model failed"


@pytest.mark.parametrize("cause", [LINUX, WINDOWS, LLAMA, MemoryError(), MemoryError("no memory for attention")])
def test_where_memory_runs_out_the_reader_is_told_what_to_do(cause: Exception) -> None:
    wrapped = caused(BackendError("backend_failed", f"transformers failed: {cause}", reason=str(cause)), cause)
    twice = caused(BackendError("load_failed", "Qwen cannot be loaded", reason="x"), wrapped)
    for error in (cause, wrapped, twice):
        info = info_of(error, "backend_failed", FAILED)
        assert (info.code, info.details) == ("memory_out", {})
        assert "run out of memory" in str(info) and "smaller model" in str(info)


@pytest.mark.parametrize(
    "error",
    [
        BackendError("backend_failed", "The server refused: CUDA out of memory", reason="CUDA out of memory"),
        caused(BackendError("model_damaged", "The model file is damaged", path="a.gguf"), MemoryError()),
        caused(BackendError("backend_failed", "It failed", reason="x"), ValueError("too long")),
    ],
)
def test_other_errors_of_models_stay_what_they_are(error: BackendError) -> None:
    info = info_of(error, "backend_failed", FAILED)
    assert (info.code, str(info), info.details) == (error.code, str(error), error.details)


def test_an_unknown_error_is_shown_with_its_words() -> None:
    info = info_of(ValueError("too long"), "backend_failed", FAILED)
    assert (info.code, str(info)) == ("backend_failed", "The model failed: too long")
    assert info.details == {"reason": "too long"}
