"""The errors that a person may see."""

import errno

import pytest

from arena.errors import InputError, VoteRefused, os_error_as


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
