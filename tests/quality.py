"""Prints what quantization costs, for docs/performance.md, as JSON lines: python tests/quality.py

Compares the embedded model, quantized by this project and by llama.cpp, with itself in floats, by language. Takes some
minutes; the figures are always the same.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def main() -> None:
    sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "helpers")]
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TQDM_DISABLE", "1")
    from backends.machine import share_cores

    share_cores()
    from quantization_quality import quality_rows

    from backends.folder.gguf import model_file
    from backends.models.catalog import EMBEDDED

    for row in quality_rows(model_file(EMBEDDED["smollm2-135m"]), lambda words: print(words, file=sys.stderr)):
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
