"""`bench engine`, `both`, `users`, `job` and `start`: this project's engine, and its rivals in the same run."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict

from arena.errors import InputError
from commands.bench.options import Choice, Figures, say
from commands.bench.table import compared, figure_lines, figure_text

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
        "times_as_fast_as_reference": reference / own if all(entry["all_layers"] for entry in models) else None,
    }


def start(choice: Choice) -> Figures:
    """Measure new processes: seconds until a model is ready, and until the first token of a 64-token prompt.

    The page cache is not cleared; the table says how much of the files was in it.
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
    """This engine beside its rivals, then all of its own figures."""
    lines: list[str] = []
    for entry in figures["models"]:
        own = entry["own"]
        alone, company = (own["alone"], own["company"]) if "alone" in own else ({}, own)
        same = {
            "load_seconds": (alone or company)["ready_seconds"],
            "tokens_per_second": alone and alone["speed"]["median"],
            "first_token": alone.get("first_token"),
            "together": company["together"],
            "peak_bytes": (alone or company)["peak"]["resident_bytes"],
        }
        lines += [_title(entry["model"]), *compared(same, entry["rivals"]["figures"])]
        lines += [*_missing(entry["rivals"]["missing"]), *figure_lines({"this engine": own})]
    return lines


def start_table(figures: Figures) -> list[str]:
    """The medians of several new processes beside llama.cpp's, then each of ours."""
    lines: list[str] = []
    for entry in figures["models"]:
        own, *llama = (
            {key: statistics.median(run[key] for run in starts) for key in ("ready_seconds", "first_token_seconds")}
            for starts in (entry["own"], entry["llama"])
            if starts
        )
        lines += [_title(entry["model"]), *compared(own, [{"rival": "llama.cpp", **medians} for medians in llama])]
        lines += [*_missing(entry["missing"]), *figure_lines({"starts of this engine": entry["own"]})]
    return lines


def _missing(rivals: Sequence[Figures]) -> list[str]:
    return [f"  {rival['rival']} was not measured: {rival['reason']}" for rival in rivals]


def _title(model: Figures) -> str:
    sizes = f"{figure_text('bytes', model['weight_bytes'])}, {figure_text('bytes', model['read_bytes'])} read per token"
    return f"{model['name']}, {model['layers']} layers, {model['weights']} weights, {sizes}"
