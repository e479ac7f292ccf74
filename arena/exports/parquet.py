"""votes.parquet: the rows of a votes.csv with typed columns, so that no reader has to guess."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from arena.votes.rows import COLUMNS, NUMERIC

if TYPE_CHECKING:
    from arro3.core import DataType, RecordBatch, Schema

_BATCH_ROWS = 500
_GROUP_ROWS = 4_000  # what the writer holds in memory, compressed
_WHOLE = frozenset({"turn", "tokens_a", "tokens_b", "schema"})
_FLAGS = {"True": True, "False": False}
_FLAG_COLUMNS = frozenset({"anony", "any_right", "leaked"})
_LARGEST = 2**63 - 1


def write_parquet(source: Path, target: Path, progress: Callable[[int, int], None]) -> None:
    """Write the rows of `source`, a votes.csv, to `target`. An empty cell becomes null.

    `progress` takes the bytes read so far, and of how many. Raises OSError.
    """
    from arro3.core import RecordBatchReader
    from arro3.io import write_parquet as write

    schema = _schema()
    with source.open("rb") as file, _Output(target) as output:
        size = os.fstat(file.fileno()).st_size
        rows = csv.reader(io.TextIOWrapper(file, encoding="utf-8-sig", newline=""))
        next(rows)  # the header
        batches = _batches(rows, schema, lambda: progress(file.tell(), size))
        reader = RecordBatchReader.from_batches(schema, batches)
        write(reader, cast(IO[bytes], output), compression="zstd(3)", max_row_group_size=_GROUP_ROWS)


class _Output(io.RawIOBase):
    """A file for arro3, which panics where a write fails: the error is raised when the file is left instead."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("xb")
        self._error: OSError | None = None

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        if self._error is None:
            try:
                return self._file.write(data)
            except OSError as error:
                self._error = error
        return len(data)

    def close(self) -> None:
        super().close()
        self._file.close()
        if self._error:
            raise self._error


def _schema() -> Schema:
    from arro3.core import Field, Schema

    return Schema([Field(name, _type(name), nullable=True) for name in COLUMNS])


def _type(name: str) -> DataType:
    from arro3.core import DataType

    if name in _FLAG_COLUMNS:
        return DataType.bool()
    if name in _WHOLE:
        return DataType.int64()
    return DataType.float64() if name in NUMERIC else DataType.utf8()


def _batches(rows: Iterator[list[str]], schema: Schema, report: Callable[[], None]) -> Iterator[RecordBatch]:
    from arro3.core import Array, RecordBatch

    types = [_type(name) for name in COLUMNS]
    while batch := list(islice(rows, _BATCH_ROWS)):
        columns = zip(COLUMNS, types, zip(*batch, strict=True), strict=True)
        arrays = [Array(_values(name, cells), type=kind) for name, kind, cells in columns]
        yield RecordBatch.from_arrays(arrays, schema=schema)
        report()


def _values(name: str, cells: Sequence[str]) -> list[Any]:
    if name in _FLAG_COLUMNS:
        return [_FLAGS.get(cell) for cell in cells]
    if name in _WHOLE:
        return [_whole(cell) for cell in cells]
    if name in NUMERIC:
        return [float(cell) if cell else None for cell in cells]
    return [cell or None for cell in cells]


def _whole(cell: str) -> int | None:
    """Of the columns here `schema` alone is not checked when votes are read: what is no number counts as unknown."""
    try:
        value = int(cell)
    except ValueError:
        return None
    return value if abs(value) <= _LARGEST else None
