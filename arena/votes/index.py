"""Keeps beside a vote log what was read of it, so that the next start reads on from there; it can always be deleted."""

from __future__ import annotations

import json
import logging
import os
import tempfile
import zipfile
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from arena.votes.blocks import Block, Rows
from arena.votes.reader import BadRow, PartState, Reading
from arena.votes.table import NAMED, NUMBERS, Table

FILE_NAME = ".results-index.npz"
# Whatever changes what the columns hold has to change this.
VERSION = 4
_LOG = logging.getLogger(__name__)


def save_index(folder: Path, reading: Reading) -> None:
    """Keep the reading, whole or not at all; where the folder cannot be written it is only logged."""
    import numpy as np

    table = reading.builder.table()
    about = {
        "version": VERSION,
        "names": table.names,
        "parts": [{**asdict(part), "path": part.path.name} for part in reading.parts],
        "headers": reading.headers,
        "bad": [asdict(row) for row in reading.bad],
        "damaged": [asdict(row) for row in reading.damaged],
    }
    blocks = np.array(
        [(block.part, block.start, block.length, block.header, block.rows) for block in reading.blocks], "i8"
    ).reshape(-1, 5)
    text = np.frombuffer(json.dumps(about).encode(), dtype="u1")
    arrays: Any = {"about": text, "blocks": blocks, "judge_hashes": table.judge_hashes, **table.columns}
    draft = ""
    try:
        handle, draft = tempfile.mkstemp(prefix=f"{FILE_NAME}-", dir=folder)
        with os.fdopen(handle, "wb") as file:
            np.savez(file, **arrays)
        os.replace(draft, folder / FILE_NAME)
    except OSError as error:
        _LOG.warning("The index of the results cannot be kept: %s.", error.strerror)
        with suppress(OSError):
            os.unlink(draft)


def load_index(folder: Path) -> Reading:
    """The reading that was kept; an empty one if there is none, or none that can be used."""
    import numpy as np

    try:
        with np.load(folder / FILE_NAME, allow_pickle=False) as kept:
            arrays = {name: kept[name] for name in kept.files}
        return _restored(folder, arrays)
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
        return Reading()


def _restored(folder: Path, arrays: dict[str, Any]) -> Reading:
    about = json.loads(arrays["about"].tobytes())
    columns = {name: arrays[name] for name in (*NAMED, *NUMBERS)}
    if about["version"] != VERSION or len({len(column) for column in columns.values()}) != 1:
        raise ValueError("the index is another version's, or damaged")
    reading = Reading()
    reading.builder.restore(Table(columns, about["names"], arrays["judge_hashes"]))
    reading.parts = [
        PartState(**{**part, "path": folder / part["path"], "header": tuple(part["header"])}) for part in about["parts"]
    ]
    reading.headers = [tuple(header) for header in about["headers"]]
    blocks = arrays["blocks"].tolist()
    reading.blocks = [Block(part, start, length, header, Rows(rows)) for part, start, length, header, rows in blocks]
    reading.bad = [BadRow(**row) for row in about["bad"]]
    reading.damaged = [BadRow(**row) for row in about["damaged"]]
    return reading
