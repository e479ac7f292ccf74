"""Composition root and command line: settings -> models, prompts, vote log -> page -> launch. Holds no logic."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from arena.errors import InputError
from backends.threads import share_cores
from commands import errors_in_one_line
from commands.bench import bench
from commands.check import check
from commands.export import export
from commands.fetch import fetch, fetch_missing
from commands.quantize import quantize

if TYPE_CHECKING:
    from arena.judging.ballots import Ballots, Log
    from arena.judging.desk import Desk
    from arena.judging.judge_key import JudgeKey
    from arena.judging.recorded import Pair
    from arena.prompts import Prompt
    from arena.types import ModelSpec
    from ui.session import Services

HERE = Path(__file__).parent
cli = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@cli.callback(invoke_without_command=True)
def main(
    context: typer.Context,
    a: Annotated[
        str, typer.Option("--a", metavar="MODEL", envvar="ARENA_MODEL_A", help="The left model.")
    ] = "smollm2-135m-t0.2",
    b: Annotated[
        str, typer.Option("--b", metavar="MODEL", envvar="ARENA_MODEL_B", help="The right model.")
    ] = "smollm2-135m-t1.0",
    host: Annotated[
        str, typer.Option(envvar=["ARENA_HOST", "GRADIO_SERVER_NAME"], help="Address to listen on.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(envvar=["ARENA_PORT", "GRADIO_SERVER_PORT"], min=1, max=65535, help="Port to listen on.")
    ] = 7860,
    data_dir: Annotated[Path, typer.Option(envvar="ARENA_DATA_DIR", help="Where votes are kept.")] = Path("data"),
    prompts: Annotated[Path, typer.Option(envvar="ARENA_PROMPTS", help="The prompt set.")] = HERE / "prompts.json",
    answers: Annotated[
        Path | None, typer.Option(envvar="ARENA_ANSWERS", help="Recorded answers to judge blind, a JSONL file.")
    ] = None,
    lang: Annotated[str, typer.Option(envvar="ARENA_LANG", help="zh or en for everyone; empty: by browser.")] = "",
    fetch_first: Annotated[
        bool, typer.Option("--fetch", envvar="ARENA_FETCH", help="Fetch what --a and --b name and is not here yet.")
    ] = False,
) -> None:
    """Two chat models side by side: ask both, watch both answer, vote. Without a command, serves the page.

    A MODEL is an id (smollm2-135m, qwen-7b-chat, chatglm3-6b, ...), a checkpoint folder, a .gguf file,
    or scripted:FILE.json.
    """
    if context.invoked_subcommand:
        return
    with errors_in_one_line():
        if fetch_first:
            fetch_missing((a, b), HERE / "app.py")
        serve(a, b, host, port, data_dir, prompts, answers, lang)


def serve(a: str, b: str, host: str, port: int, data_dir: Path, prompts: Path, answers: Path | None, lang: str) -> None:
    """Check all that can be checked at once, put the page up, load the models behind it, and stay."""
    from arena.judging.recorded import load_pairs
    from arena.prompts import load_prompts
    from ui.quick_import import import_gradio_quickly

    specs = choose_models(a, b)
    prompt_set = load_prompts(prompts)
    pairs = load_pairs(answers, prompt_set) if answers else ()
    if lang not in ("", "zh", "en"):
        raise InputError("unknown_language", f"There is no language {lang!r}; take zh or en.", lang=lang)
    check_port(host, port)
    prepare_environment()
    import_gradio_quickly()
    from ui.page import build_page

    services = compose(specs, prompt_set, data_dir, lang, pairs)
    demo, keywords = build_page(services)
    demo.launch(server_name=host, server_port=port, prevent_thread_lock=True, quiet=True, **keywords)
    typer.echo(f"Serving on http://{host}:{port}")
    for side, backend in services.backends.items():
        typer.echo(f"  {side}: {backend.spec.id} ({backend.spec.name} on {backend.spec.runtime})")
        backend.load()
    demo.block_thread()


def choose_models(a: str, b: str) -> tuple[ModelSpec, ModelSpec]:
    """The two models. Raises InputError if one is unknown or both are the same."""
    from backends.resolve import resolve

    specs = resolve(a), resolve(b)
    if specs[0].id == specs[1].id:
        message = f"Both sides are {specs[0].id}; a vote needs two different models."
        raise InputError("same_model", message, model=specs[0].id)
    return specs


def check_port(host: str, port: int) -> None:
    """Raises InputError if nothing can listen there: gradio's own answer to that is a traceback."""
    import socket

    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        message = f"Cannot listen on {host}:{port}: {error.strerror}. Choose another with --port."
        raise InputError("port_busy", message, port=port) from error


def prepare_environment() -> None:
    """Settings that libraries read from the environment as they are imported."""
    share_cores()
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    # A proxy in the environment must not stand between gradio and its own port: it would refuse to start.
    for name in ("NO_PROXY", "no_proxy"):
        hosts = [os.environ.get(name, ""), "localhost", "127.0.0.1", "0.0.0.0"]
        os.environ[name] = ",".join(filter(None, hosts))


def compose(
    specs: tuple[ModelSpec, ModelSpec],
    prompts: tuple[Prompt, ...],
    data_dir: Path,
    lang: str = "",
    pairs: tuple[Pair, ...] = (),
) -> Services:
    """Put the rooms together: backends, conversations, ballots and the vote log, for one page."""
    from arena.chat import Chat, Chats
    from arena.judging.ballots import Ballots
    from arena.judging.judge_key import JudgeKey
    from arena.types import SideName
    from arena.votes.counts import VoteCounts
    from arena.votes.downloads import Downloads
    from backends import open_backends
    from backends.catalog import EMBEDDED, FETCHED
    from ui.session import Services

    backends = dict(zip(SideName, open_backends(specs), strict=True))
    log = open_log(data_dir)
    ballots = Ballots(log)
    key = JudgeKey(data_dir / "judge.key")
    return Services(
        backends=backends,
        prompts=prompts,
        chats=Chats(lambda: Chat(backends, ballots.offer)),
        ballots=ballots,
        judge=key.judge,
        results=VoteCounts(data_dir),
        export=Downloads(data_dir),
        secret=key.derive("browser"),
        lang=lang,
        known=(*FETCHED.values(), *EMBEDDED.values()),
        desk=open_desk(pairs, data_dir, ballots, key) if pairs else None,
    )


def open_desk(pairs: tuple[Pair, ...], data_dir: Path, ballots: Ballots, key: JudgeKey) -> Desk:
    """Where the pairs are judged, with what raters did before; where nothing can be written, of this run alone."""
    from arena.events import EventLog, NoEvents
    from arena.judging.desk import Desk
    from arena.judging.review import Review
    from arena.votes.withdrawn import Withdrawals

    try:
        events: EventLog | NoEvents = EventLog(data_dir)
    except InputError:  # said by the vote log already
        events = NoEvents()
    review = Review(pairs, events)
    review.restore(events.read())
    return Desk(review, ballots, Withdrawals(data_dir, events, key.code))


def open_log(data_dir: Path) -> Log:
    """The vote log; where none can be written the page still serves, and each vote is refused with the reason."""
    from arena.judging.ballots import ClosedLog
    from arena.votes import VoteLog

    try:
        return VoteLog(data_dir / "votes.csv")
    except InputError as error:
        typer.echo(f"Warning: {error} Votes will be refused.", err=True)
        return ClosedLog(error)


cli.command()(fetch)
cli.command()(check)
cli.command()(export)
cli.command()(quantize)
cli.add_typer(bench, name="bench")

if __name__ == "__main__":
    cli()
