"""Files of votes as other programs save them, and what all readers make of them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from vote_samples import make_vote, rich_vote

from arena.exports.export import export_table
from arena.types import Vote, Winner
from arena.votes import COLUMNS
from arena.votes.imported.sources import ImportedFiles
from arena.votes.rows import to_row
from arena.votes.store import ReadReport, VoteStore

Rows = list[list[str]]
CHINESE = "这句话有歧义，“他背着小王”；可以是背负。\n谢谢"
VOTES = (
    rich_vote(CHINESE),
    make_vote(2, winner=Winner.TIE, leaked=False, any_right=True, comment="不错, 左边更好"),
    make_vote(3, winner=Winner.MODEL_B, judge=""),
)


def rows_of(votes: Iterable[Vote] = VOTES) -> Rows:
    """The header and the rows, as the log has them."""
    return [list(COLUMNS), *(list(to_row(vote).values()) for vote in votes)]


def changed(rows: Rows, **cells: str) -> Rows:
    """The same with these cells in every row below the header."""
    places = {rows[0].index(name): cell for name, cell in cells.items()}
    return [rows[0], *([places.get(place, cell) for place, cell in enumerate(row)] for row in rows[1:])]


def text_of(rows: Rows, delimiter: str = ",", line_end: str = "\r\n", quoting: int = csv.QUOTE_MINIMAL) -> str:
    def line(row: list[str]) -> str:
        text = io.StringIO(newline="")
        csv.writer(text, delimiter=delimiter, quoting=quoting).writerow(row)  # type: ignore[arg-type]
        return text.getvalue().removesuffix("\r\n") + line_end

    return "".join(map(line, rows))


def exported(store: VoteStore, folder: Path) -> tuple[list[dict[str, str]], ReadReport]:
    """The rows that `export` writes, by column."""
    target = folder / "exported.csv"
    report = export_table(store, target)
    with target.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file)), report


def assert_read(path: Path, votes: Sequence[Vote] = VOTES, rows: Rows | None = None, **left_out: object) -> None:
    """Every reader finds these votes in the file, cell for cell as the log would have them, or as in `rows`."""
    store = VoteStore(ImportedFiles([path]))
    result = store.refresh()
    assert [stored.vote for stored in store.stored(result.table)] == list(votes)
    assert result.table["time"].tolist() == [vote.time for vote in votes]
    assert result.table["blind"].tolist() == [vote.battle.blind for vote in votes]
    assert result.report == ReadReport(len(votes), **left_out)  # type: ignore[arg-type]
    written, _ = exported(VoteStore(ImportedFiles([path])), path.parent)
    assert written == [dict(zip(COLUMNS, row, strict=True)) for row in rows or rows_of(votes)[1:]]
