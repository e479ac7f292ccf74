"""Files that people bring: zips, and what is no file of votes, each refused with one sentence."""

import bz2
import gzip
import io
import json
import lzma
import os
import zipfile

import pytest
from foreign_files import VOTES, assert_read, rows_of, text_of
from vote_samples import make_vote

from arena.errors import InputError
from arena.exports.export import export_bundle
from arena.votes import VoteLog
from arena.votes.imported.sources import ImportedFiles
from arena.votes.store import VoteStore
from ui.texts import error_text

CSV = text_of(rows_of()).encode("utf-8-sig")


def zipped(**files):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "/").replace("_csv", ".csv").replace("_xml", ".xml"), content)
    return data.getvalue()


OTHERS = {
    "empty": ("votes_empty", b""),
    "blank": ("votes_empty", b"\xef\xbb\xbf\r\n  \r\n"),
    "xlsx": ("votes_workbook", zipped(xl__workbook_xml="<workbook/>", **{"[Content_Types]_xml": ""})),
    "ods": ("votes_workbook", zipped(mimetype="application/vnd.oasis", content_xml="<office/>")),
    "numbers": ("votes_workbook", zipped(Index__Document="x", preview="x")),
    "xls": ("votes_workbook", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500)),
    "gz": ("votes_packed", gzip.compress(CSV)),
    "bz2": ("votes_packed", bz2.compress(CSV)),
    "xz": ("votes_packed", lzma.compress(CSV)),
    "zst": ("votes_packed", b"\x28\xb5\x2f\xfd\x04\x00"),
    "zip without votes": ("votes_packed", zipped(pairs_csv="left,right\n")),
    "zip with several": ("votes_packed", zipped(votes_csv=CSV, **{"votes-2_csv": CSV})),
    "zip that is cut": ("votes_packed", zipped(votes_csv=CSV)[:-60]),
    "zip in a zip": ("votes_packed", zipped(votes_csv=zipped(votes_csv=CSV))),
    "json": ("votes_json", json.dumps([{"winner": "tie"}]).encode()),
    "jsonl": ("votes_json", b'{"model": "qwen", "response": "x"}\n{"model": "glm"}\n'),
    "json in UTF-16": ("votes_json", '{"winner": "左"}'.encode("utf-16")),
    "html": ("votes_page", b"\n<!DOCTYPE html><html><body>Sign in</body></html>"),
    "xml": ("votes_page", b'\xef\xbb\xbf<?xml version="1.0"?><Workbook/>'),
    "parquet": ("votes_binary", b"PAR1\x15\x04\x15\xc0"),
    "picture": ("votes_binary", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(99)),
    "database": ("votes_binary", b"SQLite format 3\x00" + bytes(range(256)) * 4),
    "another table": ("votes_column", b"name,age\nx,1\n"),
    "no header": ("votes_column", b"b1,qwen,glm,tie\n"),
    "no winner": ("votes_column", b"question_id;model_a;model_b\nb1;x;y\n"),
    "prose": ("votes_column", "这不是投票文件。".encode()),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_a_file_without_votes_is_refused_in_one_sentence(tmp_path, kind):
    code, data = OTHERS[kind]
    path = tmp_path / "brought.csv"
    path.write_bytes(data)
    with pytest.raises(InputError) as caught:
        VoteStore(ImportedFiles([path]))
    error = caught.value
    assert error.code == code
    assert "brought.csv" in str(error) and "\n" not in str(error) and str(error).endswith(".")
    assert "brought.csv" in error_text("zh", error) != str(error)
    assert path.read_bytes() == data


def test_a_workbook_is_refused_whatever_it_is_called(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in rows_of():
        book.active.append(row)
    book.save(tmp_path / "votes.csv")
    with pytest.raises(InputError) as caught:
        ImportedFiles([tmp_path / "votes.csv"])
    assert caught.value.code == "votes_workbook"


def test_the_column_that_is_missing_is_named(tmp_path):
    (tmp_path / "a.csv").write_bytes(OTHERS["no winner"][1])
    with pytest.raises(InputError, match="no column winner") as caught:
        ImportedFiles([tmp_path / "a.csv"])
    assert caught.value.details["column"] == "winner"


def test_a_folder_stands_for_its_votes_and_is_refused_without_any(tmp_path):
    with pytest.raises(InputError, match=r"has no votes\.csv") as caught:
        ImportedFiles([tmp_path])
    assert caught.value.code == "votes_none"
    (tmp_path / "votes.csv").write_bytes(CSV)
    assert ImportedFiles([tmp_path]).files() == [tmp_path / "votes.csv"]


@pytest.mark.skipif(os.getuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read_is_named(tmp_path):
    (tmp_path / "votes.csv").write_bytes(CSV)
    (tmp_path / "votes.csv").chmod(0)
    with pytest.raises(InputError) as caught:
        ImportedFiles([tmp_path / "votes.csv"])
    assert caught.value.code == "votes_unreadable"


# ---- zips


def test_the_zip_of_an_export_is_read(tmp_path):
    (tmp_path / "data").mkdir()
    with VoteLog(tmp_path / "data" / "votes.csv") as log:
        for vote in VOTES:
            log.append(vote)
    export_bundle(VoteStore(tmp_path / "data"), tmp_path / "all.zip")
    assert_read(tmp_path / "all.zip")


@pytest.mark.parametrize("name", ["votes_csv", "data__votes_csv", "votes-3_csv"])
def test_a_zip_may_hold_one_file_that_another_program_has_saved(tmp_path, name):
    data = text_of(rows_of(), ";").encode("gbk")
    (tmp_path / "all.zip").write_bytes(zipped(**{name: data, "__MACOSX__._votes_csv": b"\0\5"}))
    assert_read(tmp_path / "all.zip")


def test_bad_rows_of_a_zip_and_of_a_copy_name_the_file(tmp_path):
    data = (text_of(rows_of(VOTES[1:]), ";") + "bad\r\n").encode("utf-16")
    (tmp_path / "all.zip").write_bytes(zipped(votes_csv=data))
    (tmp_path / "one.csv").write_bytes(data)
    report = VoteStore(ImportedFiles([tmp_path / "all.zip", tmp_path / "one.csv"])).refresh().report
    assert (report.rows, report.duplicates) == (2, 2)
    assert [(bad.part, bad.line) for bad in report.unreadable] == [
        (str(tmp_path / "all.zip"), 4),
        (str(tmp_path / "one.csv"), 4),
    ]


def test_copies_go_with_the_store_and_the_files_stay(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    path = tmp_path / "votes.csv"
    path.write_bytes(text_of(rows_of()).encode("utf-16"))
    before = path.read_bytes()
    store = VoteStore(ImportedFiles([path]))
    assert store.refresh().report.rows == 3 and os.listdir(tmp_path / "temporary")
    del store
    assert not os.listdir(tmp_path / "temporary") and path.read_bytes() == before
    assert sorted(os.listdir(tmp_path)) == ["temporary", "votes.csv"]


def test_parts_of_a_log_may_be_saved_by_different_programs(tmp_path):
    (tmp_path / "votes.csv").write_bytes(text_of(rows_of(VOTES[:1]), ";").encode("gbk"))
    (tmp_path / "votes-2.csv").write_bytes(text_of(rows_of(VOTES[1:])).encode("utf-16"))
    (tmp_path / "votes-3.csv").write_bytes(text_of(rows_of([make_vote(9)])).encode("utf-8-sig"))
    result = VoteStore(ImportedFiles([tmp_path / "votes.csv"])).refresh()
    assert result.report.rows == 4
