"""Dropping an original: what was packed is what is deleted, and nothing else ever is."""

from dataclasses import replace
from pathlib import Path

import pytest
from model_folders import DATA, copied, rewrite
from packing_jobs import ORIGINALS, job_for, silent

from arena.errors import BackendError, InputError
from backends.folder.packed import packed_folder, read_packed
from backends.folder.verified import verify_listed
from backends.models.resolve import folder_spec, resolve
from backends.packed.pack import drop_weights, pack


def test_dropping_takes_the_weights_of_a_folder_of_ones_own_and_the_whole_of_a_fetched_one(tmp_path):
    own, fetched = (copied(DATA / ORIGINALS[0], tmp_path / name) for name in ("own", "fetched"))
    (fetched / "fetched.json").write_text("{}", encoding="utf-8")
    weights = sum(path.stat().st_size for path in own.iterdir() if "safetensors" in path.name)
    for folder in (own, fetched):
        job = job_for(folder)
        pack(job, silent)
        assert drop_weights(job) == weights
    assert {path.name for path in own.iterdir()} >= {"config.json"}
    assert not any("safetensors" in path.name for path in own.iterdir())
    assert not fetched.exists()


def test_an_original_that_was_rewritten_since_is_neither_dropped_nor_called_packed(original):
    job = job_for(original)
    pack(job, silent)
    shard = next(original.glob("*.safetensors"))
    shard.write_bytes(shard.read_bytes()[:-1] + b"\x01")
    with pytest.raises(InputError, match="have changed since they were packed") as error:
        drop_weights(job)
    assert error.value.code == "quantize_changed" and shard.exists()
    with pytest.raises(InputError, match="made with other settings"):
        job_for(original).is_done()


def test_slices_of_an_original_that_was_replaced_between_two_runs_are_made_anew(original):
    job = job_for(original)

    def stop(done, total, name):
        if "layer-001" in name:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pack(job, stop)
    before = read_packed(job.part).files
    rewrite(original, lambda tensors: [value.mul_(2) for value in tensors.values()])
    again = job_for(original)
    pack(again, silent)
    assert before and not set(before) & set(read_packed(again.target).files)


def test_a_finished_slice_with_other_contents_is_made_anew(original):
    job = job_for(original)
    pack(job, silent)
    whole = read_packed(job.target).files
    job.target.rename(job.part)
    layer = job.part / "packed-layer-000.safetensors"
    layer.write_bytes(bytes(layer.stat().st_size))
    pack(job, silent)
    assert set(read_packed(job.target).files) == set(whole)
    assert verify_listed(folder_spec(job.target), lambda name, size: None)


def test_a_linked_folder_is_packed_beside_the_link_and_keeps_it(original, tmp_path):
    (tmp_path / "models").mkdir()
    link = tmp_path / "models" / "linked"
    link.symlink_to(original)
    assert packed_folder(link, "int4") == tmp_path / "models" / "linked@int4"
    job = replace(job_for(original), source=link, target=packed_folder(link, "int4"))
    pack(job, silent)
    assert resolve(f"{link}@int4").source == resolve(f"{link}/@int4").source == str(job.target)
    (original / "fetched.json").write_text("{}", encoding="utf-8")
    assert drop_weights(job) > 0
    assert link.is_symlink() and (original / "config.json").exists() and not list(original.glob("*.safetensors"))


@pytest.mark.parametrize("name", [".", ".."])
def test_a_folder_named_by_dots_has_its_packed_one_beside_it(tmp_path, monkeypatch, name):
    (tmp_path / "a" / "b").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "a" / "b")
    meant = (tmp_path / "a" / "b") if name == "." else tmp_path / "a"
    assert packed_folder(Path(name), "int4") == meant.with_name(f"{meant.name}@int4")


def test_what_cannot_be_deleted_is_one_line(original, monkeypatch):
    job = job_for(original)
    pack(job, silent)

    def refuse(path, **given):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(BackendError, match=r"micro cannot be deleted: Permission denied\.$") as error:
        drop_weights(job)
    assert error.value.code == "quantize_unwritable"
