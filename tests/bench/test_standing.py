"""Where a machine stands among those whose speed is known."""

from dataclasses import replace

from bench.compared import standing_of
from bench.weights.shapes import SHAPES
from bench.weights.subject import Subject
from commands.bench import engine_table


def measured_engine(name: str, speed: float, seconds: float) -> dict[str, object]:
    first = [{"prompt_tokens": 64, "seconds": 0.1}, {"prompt_tokens": 128, "seconds": seconds}]
    return {"engine": name, "tokens_per_second": speed, "first_token": first}


def test_the_last_line_says_where_this_machine_stands() -> None:
    shape = SHAPES["qwen-7b-chat"]
    full = Subject("qwen-7b-chat@int4", "Qwen-7B-Chat int4", "", "int4", "random", 5, 5, 2048, shape.layers, shape)
    engines = [measured_engine("this engine", 6, 3), measured_engine("llama.cpp with a.gguf", 4, 12)]
    standing = standing_of(full, engines)
    assert standing[0] == {
        "machine": "this machine",
        "tokens_per_second": 6,
        "first_token_seconds": 3,
        "times_llama": 1.5,
        "first_token_share_of_llama": 0.25,
    }
    figures = {
        "models": [{"model": vars(full), "engines": list(map(dict, engines)), "missing": [], "standing": standing}]
    }
    last = engine_table(figures)[-1]
    assert last.startswith(
        "Qwen-7B-Chat int4: this machine 6.00 tokens/s (1.50 times llama.cpp), "
        "first token of 128 after 3.00 s (0.25 of it); Intel with AMX "
    )
    # Alone, or beside transformers, there is nothing to be compared with.
    for others in ([], [measured_engine("transformers", 1, 9)]):
        alone = standing_of(full, [engines[0], *others])[0]
        assert alone["times_llama"] is None and alone["tokens_per_second"] == 6
    assert standing_of(replace(full, layers=2), engines) == standing_of(replace(full, id="x@int4"), engines) == []
