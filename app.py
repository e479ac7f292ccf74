"""The command line, and the composition root: settings -> models, prompts, vote log -> page -> launch."""

import errno
import os
import signal
import socket
import sys
from importlib.util import find_spec
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, cast

from arena.errors import InputError
from commands import end_without_package, errors_in_one_line

try:
    import typer

    from arena.judging.moderation import read_words
    from arena.prompts import load_prompts
    from backends.machine import share_cores
    from backends.models.resolve import has_embedded
    from commands import options
    from commands.batch import batch
    from commands.check import check
    from commands.export import export
    from commands.fetch import fetch, fetch_missing
    from commands.hosting import Hosting, Platform, backed_up, own_temp_dir, platform_of, settle
    from commands.options import PROMPTS, Answers, DataDir, ModelA, ModelB, Models, PromptSet, Words
    from commands.publish import publish
    from commands.quantize import quantize
    from commands.report import report
    from commands.results import results
    from commands.tune import tune
    from ui.gradio.middleware import is_loopback
    from ui.gradio.sign_in import check_sign_in
except ModuleNotFoundError as error:
    end_without_package(error)

HERE = Path(__file__).parent
# Recorded answers of the real pair, shown while demo models run or no model does.
SAMPLES = HERE / "samples" / "answers.jsonl"
MIN_TOKEN_LENGTH = 8
cli = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@cli.callback(invoke_without_command=True)
def main(
    context: typer.Context,
    a: ModelA = "",
    b: ModelB = "",
    models: Models = "",
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
        str, typer.Option(envvar="ARENA_PUBLIC_URL", help="The page's public address, for links and QR codes.")
    ] = "",
    lang: Annotated[
        str,
        typer.Option(
            envvar="ARENA_LANG", help="zh or en, for the page and for errors here; by default as the browser or system."
        ),
    ] = "",
    fetch_first: Annotated[
        bool, typer.Option("--fetch", envvar="ARENA_FETCH", help="Download missing models first.")
    ] = False,
    backup: Annotated[
        str,
        typer.Option(
            envvar="ARENA_BACKUP",
            help="A private dataset for copies of the votes: hf:OWNER/NAME or modelscope:OWNER/NAME.",
        ),
    ] = "",
    words: Words = None,
    public_results: Annotated[
        bool,
        typer.Option(
            "--public-results", envvar="ARENA_PUBLIC_RESULTS", help="Show the results also to those who have not rated."
        ),
    ] = False,
    sign_in: Annotated[
        str,
        typer.Option(
            envvar="ARENA_SIGN_IN",
            help="Sign-in with Hugging Face, ModelScope or another provider: offered, or required to vote.",
        ),
    ] = "",
) -> None:
    """Compare two chat models side by side: ask both, read both answers, vote. Without a command, serves the page.

    A MODEL is an id (smollm2-135m, qwen-7b-chat, chatglm3-6b, ...), a repository that was downloaded (hf:OWNER/NAME), a
    checkpoint folder, a .gguf file, openai:BASE_URL#MODEL on a server, or scripted:FILE.json. LABEL=MODEL?temperature=0
    names one with settings. With --answers and without --a and --b, no model runs.

    Set in the environment only: ARENA_MODELS_DIR, the folder for downloaded models (default: models);
    ARENA_ADMIN_TOKEN, at least 8 characters, opens the host's tabs; ARENA_JUDGE_KEY hides raters' ids, and hosts that
    share votes set the same; HF_TOKEN, MODELSCOPE_API_TOKEN and OPENAI_API_KEY log in; ARENA_KERNELS forces an
    instruction set of the compiled kernels (avx2, avx-vnni, avx512-vnni, neon) or none.
    """
    if context.invoked_subcommand:
        return
    if lang:
        os.environ["ARENA_LANG"] = lang
    with errors_in_one_line():
        platform = platform_of(os.environ)
        chosen, to_add = chosen_models(models, a, b, answers, platform)
        recorded = options.answers_file(answers, data_dir)
        has_samples = recorded is None and chosen in ((), (options.LEFT, options.RIGHT)) and SAMPLES.exists()
        # Not options: everybody on the machine can read a command line. Removed from the environment, so that child
        # processes do not inherit them.
        token = os.environ.pop("ARENA_ADMIN_TOKEN", "")
        key = os.environ.pop("ARENA_JUDGE_KEY", "")
        if fetch_first and chosen:
            fetch_missing(chosen, HERE / "app.py")
        hosting = Hosting(
            data_dir=data_dir,
            to_add=to_add,
            lang=lang,
            admin_token=token,
            public_url=public_url,
            answers=SAMPLES if has_samples else recorded,
            has_samples=has_samples,
            named_prompts=prompts != PROMPTS,
            is_local=is_loopback(host),
            platform=platform,
            backup=backup,
            judge_secret=key,
            words=read_words(words) if words else (),
            public_results=public_results,
            sign_in=check_sign_in(sign_in, public_url, os.environ),
        )
        serve(chosen, host, port, hosting, prompts)


def serve(models: tuple[str, ...], host: str, port: int, hosting: Hosting, prompts: Path) -> None:
    """Check the settings, start the page, load the models in the background, and serve until the process ends.

    Raises InputError for settings that cannot work.
    """
    from ui.gradio.compat import import_gradio

    specs = options.choose_models(*models)
    prompt_set = load_prompts(prompts)
    check_hosting(hosting)
    check_port(host, port)
    prepare_environment(bool(hosting.backup))
    if not hosting.public_url:  # no proxy is in front: a program on this machine could pose as any visitor
        os.environ.setdefault("FORWARDED_ALLOW_IPS", "")
    import_gradio()
    os.environ.pop("OAUTH_CLIENT_SECRET", None)  # gradio has read it; child processes do not inherit it
    from commands.adding import keep_adding
    from commands.compose import compose
    from ui.page import build_page

    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))  # as Ctrl-C does, so that the votes are backed up
    with backed_up(hosting) as backup:
        services = compose(specs, prompt_set, hosting, backup)
        demo, keywords = build_page(services)
        demo.launch(server_name=host, server_port=port, prevent_thread_lock=True, quiet=True, **keywords)
        typer.echo(f"Serving on http://{host}:{port}")
        sides = {backend.spec.id: side for side, backend in services.roster.first.items()}
        for spec in services.roster.specs:
            typer.echo(f"  {sides.get(spec.id, '+')}: {spec.id} ({spec.name} on {spec.runtime})")
        for backend in services.roster.first.values():
            backend.load()
        if services.coming:
            keep_adding(services.coming, hosting.to_add)
        try:
            demo.block_thread()
        finally:
            demo.close(verbose=False)


def chosen_models(
    models: str, a: str, b: str, answers: str, platform: Platform
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The models to begin with, and those that are added while the page runs: what a host's machine still lacks.

    Without either only recorded answers are rated.
    """
    named = options.models_of(models, a, b) if models or a or b else ()
    if platform.host and (named or not answers):
        wanted = named or platform.small_pair
        if named and options.are_here(named):
            return named, ()
        stand_ins = () if named or not has_embedded() else (options.LEFT, options.RIGHT)
        return stand_ins, wanted
    return (named, ()) if named or answers else ((options.LEFT, options.RIGHT), ())


def check_hosting(hosting: Hosting) -> None:
    """Raises InputError for an unknown language, a token that is too short, and a public address that is no URL."""
    if hosting.lang not in ("", "zh", "en"):
        message = f"Unknown language {hosting.lang!r}. Use zh or en."
        raise InputError("unknown_language", message, lang=hosting.lang)
    if hosting.admin_token and len(hosting.admin_token) < MIN_TOKEN_LENGTH:
        message = f"ARENA_ADMIN_TOKEN is too short: use at least {MIN_TOKEN_LENGTH} characters."
        raise InputError("admin_short", message, least=MIN_TOKEN_LENGTH)
    if hosting.public_url and not hosting.public_url.startswith(("http://", "https://")):
        message = f"The public address {hosting.public_url!r} must start with http:// or https://."
        raise InputError("public_url", message, url=hosting.public_url)


def check_port(host: str, port: int) -> None:
    """Raises InputError if the page cannot listen there; gradio itself would end with a traceback."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
            message = f"Cannot listen on {host}: {error.strerror}. Check --host."
            raise InputError("host_elsewhere", message, host=host, reason=error.strerror) from error
        message = f"Cannot listen on {host}:{port}: {error.strerror}. Choose another port with --port."
        raise InputError("port_busy", message, host=host, port=port, reason=error.strerror) from error


def prepare_environment(uses_hub: bool = False) -> None:
    """Set environment variables that libraries read at import time."""
    share_cores()
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    # gradio's monitoring page is closed, but gradio would build a table of the last 10,000 events after every event.
    os.environ.setdefault("GRADIO_ANALYTICS_CACHE_FREQUENCY", str(10**12))
    os.environ.setdefault("GRADIO_ANALYTICS_MAX_EVENTS", "100")
    if not uses_hub:  # else gradio contacts the hub
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("GRADIO_TEMP_DIR", own_temp_dir())
    # gradio opens its own address when it starts, which fails if a proxy is set for it.
    for name in ("NO_PROXY", "no_proxy"):
        hosts = [os.environ.get(name, ""), "localhost", "127.0.0.1", "0.0.0.0"]
        os.environ[name] = ",".join(filter(None, hosts))


for command in (fetch, batch, check, export, publish, quantize, report, results, tune):
    cli.command()(command)
if find_spec("bench"):  # the image and the Space do not carry it
    from commands.bench import bench

    cli.add_typer(bench, name="bench")

if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        # A name in bytes of another encoding, or a character that the terminal lacks, must not end a command.
        cast(TextIOWrapper, stream).reconfigure(errors="backslashreplace")
    settle(platform_of(os.environ), os.environ)
    try:
        cli(prog_name="python app.py")
    except ModuleNotFoundError as error:
        end_without_package(error)
