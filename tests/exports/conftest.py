"""The exports as files, for the packages of requirements-exports.txt. Knows no part of the app but arena/.

Nothing may reach the network: `datasets` is told so before it is imported, and a connection fails the test.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

os.environ |= {"HF_HUB_OFFLINE": "1", "HF_DATASETS_DISABLE_PROGRESS_BARS": "1"}


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_socket: socket.socket, address: object) -> None:
        pytest.fail(f"tried to reach {address}")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the unpacked zip of all forms, `out`, and with what is `published`, all votes."""
    from export_votes import write_exports

    folder = tmp_path_factory.mktemp("exports")
    write_exports(folder)
    return folder


@pytest.fixture(scope="session")
def out(exported: Path) -> Path:
    """The unpacked zip of all forms."""
    return exported / "out"
