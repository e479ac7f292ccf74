"""Environments of their own for packages that the app does without. Knows nothing of what is done in them.

They are made in the project's folder and stay there for the next run; git ignores them.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from served_app import ROOT


def python_with(requirements: Path) -> Path:
    """The Python of an environment with these requirements, made anew when they have changed."""
    folder = ROOT / f".venv-extra-{requirements.stem.removeprefix('requirements-')}"
    python, installed = folder / "bin" / "python", folder / ".installed"
    wanted = requirements.read_text(encoding="utf-8")
    if not installed.exists() or installed.read_text(encoding="utf-8") != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", "-r", str(requirements)], check=True)
        # Last of all, so that a run that was stopped counts for nothing.
        installed.write_text(wanted, encoding="utf-8")
    return python
