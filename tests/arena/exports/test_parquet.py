"""votes.parquet holds the rows of votes.csv, typed, however long the first rows say nothing of a column."""

import pytest
from arro3.io import read_parquet
from vote_samples import NASTY_TEXTS, log_path, make_vote, rich_vote

from arena.exports import tables as module
from arena.exports.export import export_table
from arena.exports.tables import write_parquet
from arena.votes import COLUMNS, VoteLog
from arena.votes.rows import FLAGS
from arena.votes.store import VoteStore

HEADER = "question_id,winner,model_a,model_b"


@pytest.fixture
def converted(tmp_path):
    """The columns of votes.parquet that is made of a log, and their types."""

    def convert(folder):
        export_table(VoteStore(folder), tmp_path / "out.csv")
        reported = []
        write_parquet(tmp_path / "out.csv", tmp_path / "out.parquet", lambda *step: reported.append(step))
        size = (tmp_path / "out.csv").stat().st_size
        assert reported == sorted(reported) and all(total == size for _, total in reported)
        assert not reported or reported[-1] == (size, size)
        table = read_parquet(tmp_path / "out.parquet").read_all()
        assert table.column_names == list(COLUMNS)
        kinds = {field.name: str(field.type).split("<")[1].split(">")[0] for field in table.schema}
        return {name: table.column(name).to_pylist() for name in COLUMNS}, kinds

    return convert


def fill(folder, *votes):
    with VoteLog(log_path(folder / "data")) as log:
        for vote in votes:
            log.append(vote)
    return folder / "data"


def test_every_cell_has_its_value_and_an_empty_one_is_null(tmp_path, converted):
    votes = [make_vote(n, answer=text, comment=text) for n, text in enumerate(NASTY_TEXTS)]
    columns, _ = converted(fill(tmp_path, *votes, rich_vote("text")))
    assert columns["response_a"][:-1] == columns["comment"][:-1] == list(NASTY_TEXTS)
    last = {name: cells[-1] for name, cells in columns.items()}
    assert (last["turn"], last["tokens_a"], last["seconds_b"], last["schema"]) == (2, 120, 1e-05, 4)
    assert (last["anony"], last["leaked"], last["any_right"]) == (True, True, False)
    first = {name: cells[0] for name, cells in columns.items()}
    assert [first[name] for name in ("tokens_a", "dwell_s", "any_right", "room", "dimension")] == [None] * 5
    assert first["anony"] is False


@pytest.mark.parametrize("rows", [0, 3])
def test_every_column_has_its_type_whatever_it_holds(tmp_path, converted, rows):
    _, kinds = converted(fill(tmp_path, *map(make_vote, range(rows))))
    assert {name for name, kind in kinds.items() if kind == "Int64"} == {"turn", "tokens_a", "tokens_b", "schema"}
    assert {name for name, kind in kinds.items() if kind == "Boolean"} == set(FLAGS)
    floats = {
        "tstamp",
        "dwell_s",
        "pair_probability",
        *(f"{name}_{side}" for name in ("first_token", "seconds", "joules") for side in "ab"),
    }
    assert {name for name, kind in kinds.items() if kind == "Float64"} == floats
    assert set(kinds.values()) == {"Int64", "Boolean", "Float64", "Utf8"}


@pytest.mark.parametrize(
    ("column", "cell", "value"),
    [
        ("turn", " 12 ", 12),
        ("turn", "1_0", 10),
        ("turn", "+3", 3),
        ("tokens_a", "１２", 12),
        ("dwell_s", " 1.5 ", 1.5),
        ("dwell_s", "-0.0", 0.0),
        ("schema", "1", 1),
        ("schema", "one", None),
        ("schema", "1.5", None),
        ("schema", "9" * 30, None),
        ("comment", "NA", "NA"),
        ("comment", "null", "null"),
        ("comment", " ", " "),
        ("comment", "0x1F", "0x1F"),
        ("comment", "\u0000", "\u0000"),
    ],
)
def test_cells_of_another_program(tmp_path, converted, column, cell, value):
    (tmp_path / "data").mkdir()
    log_path(tmp_path / "data").write_text(f"{HEADER},{column}\nb0,tie,q,g,{cell}\n", "utf-8")
    columns, _ = converted(tmp_path / "data")
    assert columns[column] == [value] and columns["prompt"] == [None]


def test_rows_of_many_batches_keep_their_order(tmp_path, converted, monkeypatch):
    monkeypatch.setattr(module, "_BATCH_ROWS", 7)
    monkeypatch.setattr(module, "_GROUP_ROWS", 10)
    columns, _ = converted(fill(tmp_path, *map(make_vote, range(50))))
    assert columns["vote_id"] == [f"vote-{number}" for number in range(50)]


def test_a_full_disk_is_an_error_and_no_panic(tmp_path, monkeypatch, capfd):
    export_table(VoteStore(fill(tmp_path, *map(make_vote, range(30)))), tmp_path / "out.csv")

    class Full:
        def write(self, data):
            raise OSError(28, "No space left on device")

        def close(self):
            pass

    output = module._Output(tmp_path / "out.parquet")
    output._file.close()
    output._file = Full()
    monkeypatch.setattr(module, "_Output", lambda path: output)
    with pytest.raises(OSError, match="No space left"):
        write_parquet(tmp_path / "out.csv", tmp_path / "out.parquet", lambda *_: None)
    assert "panicked" not in capfd.readouterr().err
