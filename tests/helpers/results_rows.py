"""Rows of votes.csv as bytes, and the votes that a store must read from them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from arena.append_log import list_parts
from arena.types import Vote, Winner
from arena.votes.imported.cells import broken_texts, tidied
from arena.votes.reader import BadRow
from arena.votes.records import FIRST_PART, HEAD, csv_cells, csv_line, cut_records, named_cells
from arena.votes.rows import UnreadableRow, to_row, to_vote
from arena.votes.store import ReadReport, Votes, VoteStore


def row_of(vote: Vote, **cells: str) -> bytes:
    return csv_line(list({**to_row(vote), **cells}.values())).encode()


def write(folder: Path, *rows: bytes, name: str = "votes.csv") -> Path:
    path = folder / name
    path.write_bytes(HEAD + b"".join(rows))
    return path


def decoded(votes: Votes) -> list[tuple[Any, ...]]:
    """What a table says of each row, in words again."""
    table = votes.table
    names = {name: table.names[kind] for name, kind in (("model_a", "model"), ("model_b", "model"), ("judge", "judge"))}
    columns = {name: [names[name][code] for code in table[name]] for name in names}
    columns["winner"] = [list(Winner)[number] for number in table["winner"]]
    return list(zip(*columns.values(), strict=True))


def expected(folder: Path) -> tuple[list[Vote], ReadReport]:
    """The votes that a simple reader finds, row by row, without blocks and tables."""
    counted, bad, damaged, seen, again, unfinished = [], [], [], set(), 0, 0
    for path in list_parts(folder, FIRST_PART):
        header: list[str] = []
        with path.open("rb") as file:
            for record in cut_records(file):
                if not record.whole:
                    unfinished += 1
                    break
                try:
                    cells = csv_cells(record.data)
                    if not header:
                        header = cells
                        continue
                    vote, lost = read_row(header, cells) if cells else (None, [])
                except UnreadableRow as error:
                    bad.append(BadRow(path.name, record.line, str(error)))
                    if not header:
                        break
                    continue
                if lost:
                    damaged.append(BadRow(path.name, record.line, f"no JSON in {', '.join(lost)}"))
                key = vote and (vote.judge, vote.battle.id if vote.judge else (vote.id or vote.time, vote.winner))
                again += key in seen
                if vote and key not in seen:
                    seen.add(key)
                    counted.append(vote)
    report = ReadReport(len(counted), again, unfinished=unfinished, unreadable=tuple(bad), damaged=tuple(damaged))
    return counted, report


def read_row(header: list[str], cells: list[str]) -> tuple[Vote, list[str]]:
    row = tidied(named_cells(header, cells))
    try:
        return to_vote(row), []
    except UnreadableRow:
        lost = broken_texts(row)
        return to_vote({**row, **dict.fromkeys(lost, "")}), lost


def assert_same(folder: Path) -> None:
    """The store finds what a plain reader finds: in its table, and where it reads the votes themselves again."""
    store = VoteStore(folder)
    votes = store.refresh()
    plain, report = expected(folder)
    assert votes.report == report
    assert decoded(votes) == [
        (vote.battle.a.model.id, vote.battle.b.model.id, vote.judge, vote.winner) for vote in plain
    ]
    assert votes.table["time"].tolist() == [vote.time for vote in plain]
    assert votes.table["blind"].tolist() == [vote.battle.blind for vote in plain]
    assert [stored.vote for stored in store.stored(votes.table)] == plain
