"""Composition root and command line: settings -> models, prompts, vote log -> page -> launch. Holds no logic."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from arena.errors import InputError
from backends.machine import share_cores
from backends.models.resolve import has_embedded
from commands import errors_in_one_line
from commands.backup import backed_up
from commands.batch import batch
from commands.check import check
from commands.compose import Hosting
from commands.export import export
from commands.fetch import fetch, fetch_missing
from commands.hosting_platform import Platform, platform_of, settle
from commands.inputs import Answers, answers_file
from commands.models import LEFT, PROMPTS, RIGHT, DataDir, ModelA, ModelB, PromptSet, choose_models
from commands.quantize import quantize
from commands.report import report
from commands.results import results

if TYPE_CHECKING:
    import gradio as gr

HERE = Path(__file__).parent
SHORTEST_TOKEN = 8
cli = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@cli.callback(invoke_without_command=True)
def main(
    context: typer.Context,
    a: ModelA = "",
    b: ModelB = "",
    host: Annotated[
        str, typer.Option(envvar=["ARENA_HOST", "GRADIO_SERVER_NAME"], help="Address to listen on.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(envvar=["ARENA_PORT", "GRADIO_SERVER_PORT"], min=1, max=65535, help="Port to listen on.")
    ] = 7860,
    data_dir: DataDir = Path("data"),
    prompts: PromptSet = PROMPTS,
    answers: Answers = "",
    public_url: Annotated[
        str, typer.Option(envvar="ARENA_PUBLIC_URL", help="The page's address from outside, for links and QR codes.")
    ] = "",
    lang: Annotated[str, typer.Option(envvar="ARENA_LANG", help="zh or en for everyone; empty: by browser.")] = "",
    fetch_first: Annotated[
        bool, typer.Option("--fetch", envvar="ARENA_FETCH", help="Fetch what --a and --b name and is not here yet.")
    ] = False,
    backup: Annotated[
        str,
        typer.Option(
            envvar="ARENA_BACKUP",
            help="Private dataset that keeps copies of the votes: hf:OWNER/NAME or modelscope:OWNER/NAME.",
        ),
    ] = "",
    words: Annotated[
        Path | None,
        typer.Option(envvar="ARENA_WORDS", help="A word a line: battles that contain one are not shown to readers."),
    ] = None,
) -> None:
    """Two chat models side by side: ask both, watch both answer, vote. Without a command, serves the page.

    A MODEL is an id (smollm2-135m, qwen-7b-chat, chatglm3-6b, ...), a checkpoint folder, a .gguf file,
    openai:BASE_URL#MODEL on a server, or scripted:FILE.json. With ANSWERS, which are judged blind, and without --a and
    --b no model is loaded.
    """
    if context.invoked_subcommand:
        return
    with errors_in_one_line():
        platform = platform_of(os.environ)
        models = chosen_models(a, b, answers, platform)
        if fetch_first and models:
            fetch_missing(models, HERE / "app.py")
        # Not an option: what stands on a command line is seen by everybody on the machine. Taken out, so that no
        # program started from here inherits it.
        token = os.environ.pop("ARENA_ADMIN_TOKEN", "")
        from arena.judging.moderation import read_words

        listed = read_words(words) if words else ()
        key, local = os.environ.pop("ARENA_JUDGE_KEY", ""), is_loopback(host)
        recorded = answers_file(answers, data_dir)
        hosting = Hosting(data_dir, lang, token, public_url, recorded, local, platform.keeps, backup, key, listed)
        serve(models, host, port, hosting, prompts)


def serve(models: tuple[str, str] | None, host: str, port: int, hosting: Hosting, prompts: Path) -> None:
    """Check all that can be checked at once, put the page up, load the models behind it, and stay."""
    from arena.judging.pairs import load_pairs
    from arena.prompts import load_prompts
    from ui.gradio.quick_import import import_gradio_quickly

    specs = choose_models(*models) if models else ()
    prompt_set = load_prompts(prompts)
    pairs = load_pairs(hosting.answers, prompt_set) if hosting.answers else ()
    check_hosting(hosting)
    check_port(host, port)
    prepare_environment(bool(hosting.backup))
    import_gradio_quickly()
    from commands.compose import compose
    from ui.page import build_page

    with backed_up(hosting) as backup:
        services = compose(specs, prompt_set, hosting, pairs, backup)
        demo, keywords = build_page(services)
        demo.launch(server_name=host, server_port=port, prevent_thread_lock=True, quiet=True, **keywords)
        typer.echo(f"Serving on http://{host}:{port}")
        for side, backend in services.backends.items():
            typer.echo(f"  {side}: {backend.spec.id} ({backend.spec.name} on {backend.spec.runtime})")
            backend.load()
        stay(demo)


def stay(demo: gr.Blocks) -> None:
    """Serve until Ctrl-C, or until the host that runs this ends it; no vote is taken after that."""
    import signal

    def end(number: int, frame: object) -> None:
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, end)
    try:
        demo.block_thread()
    finally:
        demo.close(verbose=False)


def chosen_models(a: str, b: str, answers: str, platform: Platform) -> tuple[str, str] | None:
    """What runs: none where recorded answers are judged and nobody named a model, and none on a host that has none."""
    if not a and not b and (answers or (platform.host and not has_embedded())):
        return None
    return a or LEFT, b or RIGHT


def check_hosting(hosting: Hosting) -> None:
    """Raises InputError for a language that is not there, a token that is guessed too easily, and no web address."""
    if hosting.lang not in ("", "zh", "en"):
        message = f"There is no language {hosting.lang!r}; take zh or en."
        raise InputError("unknown_language", message, lang=hosting.lang)
    if hosting.admin_token and len(hosting.admin_token) < SHORTEST_TOKEN:
        message = f"ARENA_ADMIN_TOKEN needs at least {SHORTEST_TOKEN} characters."
        raise InputError("admin_short", message, least=SHORTEST_TOKEN)
    if hosting.public_url and not hosting.public_url.startswith(("http://", "https://")):
        message = f"The public address {hosting.public_url!r} must begin with http:// or https://."
        raise InputError("public_url", message, url=hosting.public_url)


def is_loopback(host: str) -> bool:
    """Whether nobody else can reach what listens there."""
    import ipaddress

    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


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


def prepare_environment(uses_hub: bool = False) -> None:
    """Settings that libraries read from the environment as they are imported."""
    share_cores()
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    # A page of figures that nobody here reads: gradio would make a table of the last 10,000 events after each of them.
    os.environ.setdefault("GRADIO_ANALYTICS_CACHE_FREQUENCY", str(10**12))
    os.environ.setdefault("GRADIO_ANALYTICS_MAX_EVENTS", "100")
    if not uses_hub:  # gradio asks the hub by itself
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
    # A proxy in the environment must not stand between gradio and its own port: it would refuse to start.
    for name in ("NO_PROXY", "no_proxy"):
        hosts = [os.environ.get(name, ""), "localhost", "127.0.0.1", "0.0.0.0"]
        os.environ[name] = ",".join(filter(None, hosts))


cli.command()(fetch)
cli.command()(batch)
cli.command()(check)
cli.command()(export)
cli.command()(quantize)
cli.command()(report)
cli.command()(results)
if find_spec("bench"):  # a container image and a Space leave it out
    from commands.bench import bench

    cli.add_typer(bench, name="bench")

if __name__ == "__main__":
    settle(platform_of(os.environ), os.environ)
    cli()
