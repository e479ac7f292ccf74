"""A publication on a server on the loopback that plays both hubs' datasets."""

from __future__ import annotations

from pathlib import Path

import pytest
from dataset_hub import Dataset, DatasetHub

from arena.errors import BackendError, InputError
from backup.datasets import upload_publication
from hubs import named_dataset

NAME = "somebody/votes"
FILES = {"README.md": b"---\nlicense: other\n---\n# Votes\n", "votes.csv": b"a,b\r\n", "votes.parquet": b"PAR1"}


@pytest.fixture(params=["hf", "modelscope"])
def named(request: pytest.FixtureRequest, hub: DatasetHub) -> str:
    return f"{request.param}:{NAME}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "publication"
    folder.mkdir()
    for name, data in FILES.items():
        (folder / name).write_bytes(data)
    return folder


def test_the_dataset_is_public_and_has_the_files(hub: DatasetHub, named: str, folder: Path) -> None:
    upload_publication(named_dataset(named), folder)
    assert hub.datasets[NAME].private is False
    assert hub.datasets[NAME].files == FILES


def test_a_later_publication_replaces_the_earlier_one(hub: DatasetHub, named: str, folder: Path) -> None:
    upload_publication(named_dataset(named), folder)
    (folder / "votes.csv").write_bytes(b"a\r\n")
    upload_publication(named_dataset(named), folder)
    assert hub.datasets[NAME].files == {**FILES, "votes.csv": b"a\r\n"}


def test_a_private_dataset_which_may_be_a_backup_is_left_alone(hub: DatasetHub, named: str, folder: Path) -> None:
    hub.datasets[NAME] = Dataset(private=True)
    with pytest.raises(InputError, match="is private") as caught:
        upload_publication(named_dataset(named), folder)
    assert caught.value.code == "publish_private" and hub.datasets[NAME].files == {}


@pytest.mark.parametrize(("status", "code"), [(403, "publish_denied"), (500, "publish_failed")])
def test_a_refusal_is_one_line_without_the_librarys_own(
    hub: DatasetHub, named: str, folder: Path, status: int, code: str
) -> None:
    hub.faults.commit_status = status
    with pytest.raises(BackendError) as caught:
        upload_publication(named_dataset(named), folder)
    assert caught.value.code == code and str(status) in str(caught.value) and "http" not in str(caught.value)
    assert hub.datasets[NAME].files == {}
