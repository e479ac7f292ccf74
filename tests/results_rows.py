"""Rows of votes.csv as bytes, and what a store has to find in them. Knows no test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from arena.results.store import Votes, store_of
from arena.types import Vote, Winner
from arena.votes import read_votes
from arena.votes.parts import HEAD, csv_line
from arena.votes.rows import to_row


def row_of(vote: Vote, **cells: str) -> bytes:
    return csv_line(list({**to_row(vote), **cells}.values())).encode()


def write(folder: Path, *rows: bytes, name: str = "votes.csv") -> Path:
    path = folder / name
    path.write_bytes(HEAD + b"".join(rows))
    return path


def told(votes: Votes) -> list[tuple[Any, ...]]:
    """What a table says of each row, in words again."""
    table = votes.table
    names = {name: table.names[kind] for name, kind in (("model_a", "model"), ("model_b", "model"), ("judge", "judge"))}
    columns = {name: [names[name][code] for code in table[name]] for name in names}
    columns["winner"] = [list(Winner)[number] for number in table["winner"]]
    return list(zip(*columns.values(), strict=True))


def expected(folder: Path) -> tuple[list[tuple[Any, ...]], Any]:
    reading = read_votes(folder)
    found = [(v.battle.a.model.id, v.battle.b.model.id, v.judge, v.winner) for v in reading]
    return found, reading.report


def assert_same(folder: Path) -> None:
    """The store finds what `read_votes` finds."""
    votes = store_of(folder).refresh()
    rows, report = expected(folder)
    assert told(votes) == rows
    assert votes.left_out.unreadable == report.unreadable
    assert (votes.left_out.duplicates, votes.left_out.unfinished) == (report.duplicates, report.unfinished)
