"""What a training takes: which preferences, and which models. tests/commands/test_circle.py trains."""

import json
import sys
import zipfile
from dataclasses import replace

import pytest

from arena.errors import InputError
from backends.models.catalog import CHATGLM3, EMBEDDED, FETCHED, QWEN
from backends.tuning import PREFERENCES, Training, check_base, read_preferences, tune

PAIR = {name: [{"role": "user", "content": name}] for name in ("prompt", "chosen", "rejected")}
LINE = json.dumps({**PAIR, "votes_for": 2, "votes_against": 0}) + "\n"


def test_the_pairs_are_read_from_the_file_and_from_the_zip_of_export(tmp_path):
    (tmp_path / PREFERENCES).write_text(LINE * 2, encoding="utf-8")
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr(PREFERENCES, LINE * 2)
    for name in (PREFERENCES, "all.zip"):
        assert read_preferences(tmp_path / name) == [PAIR, PAIR]


@pytest.mark.parametrize(
    ("text", "code"),
    [("", "preferences_empty"), ("{}", "preferences_none"), ("votes", "preferences_none"), ("[1]", "preferences_none")],
)
def test_what_holds_no_preferences_is_refused(tmp_path, text, code):
    (tmp_path / "some.jsonl").write_text(text, encoding="utf-8")
    with zipfile.ZipFile(tmp_path / "some.zip", "w") as archive:
        archive.writestr(PREFERENCES, text)
    for name in ("some.jsonl", "some.zip"):
        with pytest.raises(InputError) as caught:
            read_preferences(tmp_path / name)
        assert caught.value.code == code


def test_a_file_that_is_missing_and_a_zip_without_preferences_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("votes.csv", "")
    for name, code in (("other.zip", "preferences_none"), ("none.jsonl", "preferences_unreadable")):
        with pytest.raises(InputError) as caught:
            read_preferences(tmp_path / name)
        assert caught.value.code == code


SMALL = FETCHED["qwen3-0.6b"]


@pytest.mark.parametrize(
    "spec",
    [QWEN, CHATGLM3, EMBEDDED["smollm2-135m"], replace(SMALL, precision="int4"), replace(SMALL, adapter="lora")],
)
def test_a_model_that_cannot_be_trained_is_refused(spec):
    check_base(SMALL)
    with pytest.raises(InputError, match="cannot be trained"):
        check_base(spec)


def test_without_the_packages_it_is_said_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "trl", None)
    with pytest.raises(InputError, match=r"requirements-tune\.txt"):
        tune(tmp_path, [PAIR], tmp_path / "adapter", Training())
