"""`bench engine`, `both`, `users`, `job` and `start`: this project's engine, and its rivals in the same run."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from arena.errors import InputError
from commands.bench.options import Choice, Figures, say
from commands.bench.table import Row, compared, figure_lines, figure_text

CONVERSATIONS = (1, 2, 4, 8)


def engine(choice: Choice) -> Figures:
    """Measure speed, first tokens, turns, several conversations at once, and memory, beside the rivals.

    A model is random weights at a real shape unless --a names a packed one. At full size this takes a while, and the
    rivals need up to 17 GB of disk and memory.
    """
    from bench.compared import engine_on
    from bench.speed import Plan

    options, plan = choice.rival_options(), Plan(conversations=CONVERSATIONS)
    return {"models": [engine_on(subject, plan, options, say) for subject in choice.subjects()]}


def users(choice: Choice) -> Figures:
    """Measure 1, 2, 4 and 8 conversations at once: the tokens per second of all, beside llama.cpp."""
    from bench.compared import users_on
    from bench.speed import Plan

    options, plan = choice.rival_options(), Plan(conversations=CONVERSATIONS)
    return {"models": [users_on(subject, plan, options, say) for subject in choice.subjects()]}


def both(choice: Choice) -> Figures:
    """Measure both models in one process: two answers at once and in turn, and memory with full contexts.

    There is no rival: none has two models in one process that share its threads.
    """
    from bench.compared import both_on
    from bench.speed import BothPlan

    if bool(choice.a) != bool(choice.b):
        raise InputError("bench_choice", "Two models are measured together: name both --a and --b, or none.")
    subjects = choice.subjects()
    return {"models": list(map(asdict, subjects)), "both": both_on(subjects, BothPlan(), say)}


def job(choice: Choice) -> Figures:
    """Measure the reference job: eight questions at once to one model, then to the other, beside llama.cpp.

    The reference run took 8,650 s for both models on a CPU notebook. Only the lengths of prompts and answers count.
    """
    from bench.compared import job_on, reference_model
    from bench.reference_job import reference_job

    options, subjects = choice.rival_options(), choice.subjects()
    for subject in subjects:
        reference_job(reference_model(subject))  # refuses an unknown model before anything is measured
    models = [job_on(subject, options, say) for subject in subjects]
    llama = [entry["rival"]["job"]["seconds"] for entry in models if entry["rival"]["job"]]
    own = sum(entry["own"]["seconds"] for entry in models)
    reference = sum(entry["reference_seconds"] for entry in models)
    return {
        "models": models,
        "seconds": own,
        "llama_seconds": sum(llama) if len(llama) == len(models) else None,
        "reference_seconds": reference,
        "times_as_fast_as_reference": reference / own,
    }


def start(choice: Choice) -> Figures:
    """Measure new processes: seconds until a model is ready, and until the first token of a 64-token prompt.

    The page cache is not cleared; the table says whether the files were in it.
    """
    from bench.compared import start_on

    options = choice.rival_options()
    return {"models": [start_on(subject, options, say) for subject in choice.subjects()]}


def figures_table(figures: Figures) -> list[str]:
    """All figures, one below the other."""
    lines = []
    for entry in figures["models"]:
        model = entry.get("model", entry)
        lines += [_title(model), *(figure_lines({**entry, "model": model["id"]}) if model is not entry else ())]
    return [*lines, *figure_lines({key: value for key, value in figures.items() if key != "models"})]


def engine_table(figures: Figures) -> list[str]:
    """This engine's figures beside its rivals'."""
    lines: list[str] = []
    for entry in figures["models"]:
        own, rivals = entry["own"], entry["rivals"]["figures"]
        alone = own["alone"]
        rows = [
            Row("ready", "seconds", alone["ready_seconds"], [rival["load_seconds"] for rival in rivals]),
            Row(
                "decoding",
                "tokens_per_second",
                alone["speed"]["median"],
                [rival["tokens_per_second"] for rival in rivals],
                alone["speed"],
            ),
            Row("share of the read bound", "share", own["bound_share"]),
        ]
        for first in alone["first_token"]:
            theirs = _theirs(rivals, "first_token", "prompt_tokens", first["prompt_tokens"], "seconds")
            rows.append(Row(f"first token, prompt of {first['prompt_tokens']}", "seconds", first["seconds"], theirs))
        for number, turn in enumerate(own["turns"]["turns"], 1):
            label = f"turn {number}, {turn['prompt_tokens']} tokens, {turn['kept_tokens']} cached"
            rows.append(Row(label, "seconds", turn["seconds"]))
        rows += _together_rows(own["company"], rivals)
        rows += _memory_rows("peak memory, one conversation", alone["peak"], rivals)
        rows += _memory_rows(f"peak memory, {CONVERSATIONS[-1]} at once", own["company"]["peak"], ())
        bound = figure_text("bytes", own["bound_bytes"])
        lines += _comparison(entry, rows)
        lines.append(f"  kernels: {alone['kernels']}; {alone['threads']} threads; memory is read at {bound} per second")
    return lines


def users_table(figures: Figures) -> list[str]:
    """Several conversations at once, beside llama.cpp."""
    lines: list[str] = []
    for entry in figures["models"]:
        own, rivals = entry["own"], entry["rivals"]["figures"]
        memory = _memory_rows("peak memory", own["peak"], rivals)
        lines += _comparison(entry, [*_together_rows(own, rivals), *memory])
    return lines


def start_table(figures: Figures) -> list[str]:
    """The medians of several new processes, beside llama.cpp."""
    from bench.resources import describe_cache

    lines: list[str] = []
    for entry in figures["models"]:
        rows = []
        for label, key in (("ready", "ready_seconds"), ("first token", "first_token_seconds")):
            own, llama = ([run[key] for run in entry[engine]] for engine in ("own", "llama"))
            theirs = [statistics.median(llama)] if llama else []
            rows.append(Row(label, "seconds", statistics.median(own), theirs, {"low": max(own), "high": min(own)}))
        rivals = {"figures": [{"rival": "llama.cpp"}] if entry["llama"] else [], "missing": entry["missing"]}
        lines += _comparison({**entry, "rivals": rivals}, rows)
        caches = ", ".join(describe_cache(run["cached_share"]) for run in entry["own"])
        lines.append(f"  page cache before each of {len(entry['own'])} starts: {caches}; medians")
    return lines


def _together_rows(company: Figures, rivals: Sequence[Figures]) -> list[Row]:
    rows = []
    for own in company["together"]:
        number = own["conversations"]
        theirs = _theirs(rivals, "together", "conversations", number, "tokens_per_second")
        rows.append(Row(f"{number} at once", "tokens_per_second", own["tokens_per_second"], theirs, own["speed"]))
    return rows


def _memory_rows(label: str, peak: Figures, rivals: Sequence[Figures]) -> list[Row]:
    return [
        Row(label, "bytes", peak["resident_bytes"], [rival["peak_bytes"] for rival in rivals]),
        Row("  of it not backed by a file", "bytes", peak["own_bytes"]),
    ]


def _theirs(rivals: Sequence[Figures], entries: str, key: str, value: Any, figure: str) -> list[float | None]:
    """Each rival's figure from its entry with the same `key` as ours."""
    return [next((entry[figure] for entry in rival[entries] if entry[key] == value), None) for rival in rivals]


def _comparison(entry: Figures, rows: Sequence[Row]) -> list[str]:
    """A table below the model's title; the rivals' full names and those that are missing follow."""
    names = [rival["rival"] for rival in entry["rivals"]["figures"]]
    short = ["llama-bench" if "llama-bench" in name else name.partition(" (")[0] for name in names]
    legend = [f"  {heading}: {name}" for heading, name in zip(short, names, strict=True) if heading != name]
    missing = [f"  {rival['rival']} was not measured: {rival['reason']}" for rival in entry["rivals"]["missing"]]
    return ["", _title(entry["model"]), *compared(short, rows), *legend, *missing]


def _title(model: Figures) -> str:
    sizes = f"{figure_text('bytes', model['weight_bytes'])}, {figure_text('bytes', model['read_bytes'])} read per token"
    return f"{model['name']}, {model['layers']} layers, {model['weights']} weights, {sizes}"
