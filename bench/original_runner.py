"""Runs a checkpoint by its own code, as its authors do. EXECUTES THE CODE IN THE FOLDER.

Runs in another, older Python: it uses the standard library and what requirements-original.txt installs there, and
nothing of this project. `bench.probe` describes the protocol, and uses `connect` as well.
"""

import json
import os
import resource
import sys
import threading
import time
from collections.abc import Callable
from typing import Any


def main() -> None:
    """Reads the request and writes the figures."""
    request, send = connect()
    try:
        send(result=measure(request, lambda words: send(progress=words)))
    except ImportError as error:
        send(error=f"The environment of {request['python']} is incomplete: {first_line(error)}")
    except Exception as error:  # noqa: BLE001  (unknown code can raise anything; all of it becomes one line)
        send(error=f"The folder's own code failed: {type(error).__name__}: {first_line(error)}")


def connect() -> tuple[dict[str, Any], Callable[..., None]]:
    """Reads the request; returns it, and a function that sends a line. This process ends when its parent does."""
    # Other code may print, which would mix with the protocol: it gets stderr instead.
    lines = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def send(**line: Any) -> None:
        lines.write(json.dumps(line) + "\n")
        lines.flush()

    def exit_with_parent() -> None:
        # stdin closes when the parent ends. Gigabytes of memory must not outlive it.
        os.read(0, 1)
        os._exit(1)

    request = json.loads(sys.stdin.readline())
    threading.Thread(target=exit_with_parent, daemon=True).start()
    return request, send


def first_line(error: Exception) -> str:
    """The first line of its message."""
    return (str(error).strip().splitlines() or ["no reason given"])[0]


def measure(request: dict[str, Any], progress: Callable[[str], None]) -> dict[str, Any]:
    """Loads the folder and answers every prompt."""
    import torch
    import transformers

    transformers.logging.set_verbosity_error()
    torch.set_num_threads(request["threads"])
    folder = request["folder"]
    progress(f"Loading {folder} with its own code ...")
    began = time.perf_counter()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, trust_remote_code=True)
    model = transformers.AutoModelForCausalLM.from_pretrained(
        folder, trust_remote_code=True, torch_dtype=torch.bfloat16
    ).eval()
    loaded = time.perf_counter() - began
    progress(f"Loaded in {loaded:.0f} s.")
    answers = []
    for prompt in request["prompts"]:
        torch.manual_seed(request["seed"])
        answers.append({"prompt_id": prompt["id"], **ask(model, tokenizer, prompt["text"], request["tokens"])})
        progress("{prompt_id}: {tokens} tokens in {seconds:.1f} s".format(**answers[-1]))
    return {
        "dtype": str(next(model.parameters()).dtype).replace("torch.", ""),
        "transformers": transformers.__version__,
        "torch": torch.__version__,
        "load_seconds": loaded,
        # In kilobytes, except on macOS.
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024),
        "answers": answers,
        "total_seconds": sum(answer["seconds"] for answer in answers),
    }


def ask(model: Any, tokenizer: Any, text: str, limit: int) -> dict[str, Any]:
    """One answer from the model's own chat(); a stopping criterion that never stops sees every token."""
    from transformers import StoppingCriteriaList

    times, prompt_tokens = [], []

    def watch(ids: Any, scores: Any, **_: Any) -> bool:
        times.append(time.perf_counter())
        prompt_tokens.append(ids.shape[1] - len(times))
        return False

    criteria = StoppingCriteriaList([watch])
    began = time.perf_counter()
    reply, _ = model.chat(tokenizer, text, history=None, max_new_tokens=limit, stopping_criteria=criteria)
    seconds = time.perf_counter() - began
    if not times:
        raise ValueError("its chat() ignores stopping_criteria, so no token could be timed")
    steps = len(times) - 1
    return {
        "text": reply if isinstance(reply, str) else json.dumps(reply, ensure_ascii=False),
        "prompt_tokens": prompt_tokens[0],
        "tokens": len(times),
        "first_token_seconds": times[0] - began,
        "seconds": seconds,
        "tokens_per_second": steps / (times[-1] - times[0]) if steps else None,
    }


if __name__ == "__main__":
    main()
