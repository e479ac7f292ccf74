"""How a page is hosted: the platform that it runs on, the settings of its host, and the backup of its votes."""

import os
import stat
import tempfile
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import typer

from arena.errors import InputError
from arena.votes.backup_status import BackupStatus, Waiting
from backup.votes import Backup
from hubs import named_dataset
from ui.gradio.middleware import hostname
from ui.gradio.sign_in import SignIn

# A host that publishes the page expects it on all interfaces and this port.
_ALL_INTERFACES, _PORT = "0.0.0.0", "7860"
_PRIVATE = "10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,100.64.0.0/10,127.0.0.0/8,::1/128,fc00::/7"
# What a host serves that names no models: small ones of the two families, from their makers' repositories, 3.5 GB.
_SMALL_PAIR = {
    "space": (
        "Qwen3-1.7B=hf:Qwen/Qwen3-1.7B-GGUF:Q8_0",
        "GLM-Edge-1.5B=hf:zai-org/glm-edge-1.5b-chat-gguf:Q8_0",
    ),
    "studio": (
        "Qwen3-1.7B=modelscope:Qwen/Qwen3-1.7B-GGUF:Q8_0",
        "GLM-Edge-1.5B=modelscope:ZhipuAI/glm-edge-1.5b-chat-gguf:Q8_0",
    ),
}
# Set for programs that are started in a notebook, or in a terminal beside one.
_NOTEBOOKS = (
    "JPY_PARENT_PID",
    "JUPYTER_SERVER_URL",
    "JUPYTERHUB_SERVICE_PREFIX",
    "COLAB_RELEASE_TAG",
    "KAGGLE_KERNEL_RUN_TYPE",
)


@dataclass(frozen=True)
class Platform:
    """`host` is "space", "studio", or "" for a user's machine. `disk` is a writable folder of the host that outlives a
    restart, None if there is none. `is_notebook` is whether the page is opened through a notebook's proxy."""

    host: str = ""
    disk: Path | None = None
    is_notebook: bool = False

    @property
    def keeps(self) -> bool:
        """Whether written files outlive a restart."""
        return not self.host or self.disk is not None

    @property
    def small_pair(self) -> tuple[str, ...]:
        """The models that a host serves when nobody has named any."""
        return _SMALL_PAIR.get(self.host, ())


def platform_of(environment: Mapping[str, str], root: Path = Path("/")) -> Platform:
    """A Space sets SPACE_ID and may have /data; a Studio sets MODELSCOPE_ENVIRONMENT and has /mnt/workspace."""
    if environment.get("SPACE_ID"):
        return Platform("space", _writable(root / "data"))
    if environment.get("MODELSCOPE_ENVIRONMENT") == "studio":
        return Platform("studio", _writable(root / "mnt" / "workspace"))
    return Platform(is_notebook=any(map(environment.get, _NOTEBOOKS)))


def settle(platform: Platform, environment: MutableMapping[str, str]) -> None:
    """Sets the environment variables that the platform needs and that nobody set; every command reads them."""
    if not platform.host:
        return
    environment.setdefault("ARENA_HOST", environment.get("GRADIO_SERVER_NAME", _ALL_INTERFACES))
    environment.setdefault("ARENA_PORT", environment.get("GRADIO_SERVER_PORT", _PORT))
    # The host's proxies stand in its own network; the last address before them is the visitor's.
    environment.setdefault("FORWARDED_ALLOW_IPS", _PRIVATE)
    if platform.disk:
        environment.setdefault("ARENA_DATA_DIR", str(platform.disk / "arena"))
        environment.setdefault("ARENA_MODELS_DIR", str(platform.disk / "models"))


def _writable(folder: Path) -> Path | None:
    return folder if folder.is_dir() and os.access(folder, os.W_OK | os.X_OK) else None


def own_temp_dir() -> str:
    """A temporary folder of this user's alone: on a shared machine gradio's common one may be somebody else's."""
    user = getattr(os, "getuid", int)()
    try:
        folder = Path(tempfile.gettempdir(), f"gradio-arena-{user}")
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        about = folder.lstat()
        if stat.S_ISDIR(about.st_mode) and about.st_uid == user and about.st_mode & 0o700 == 0o700:
            return str(folder)
        return tempfile.mkdtemp(prefix="gradio-arena-")
    except OSError as error:
        message = f"There is no temporary folder that can be written ({error}). Set TMPDIR."
        raise InputError("temp_dir", message, reason=str(error)) from error


@dataclass(frozen=True, kw_only=True)
class Hosting:
    """How a page is served.

    `to_add` are models that are downloaded while the page runs.
    `lang` forces a language and `public_url` is the address from outside, unless empty. `answers` is the file of
    recorded answers, `has_samples` whether it is the one that comes with the project; `named_prompts` is whether the
    host has named a prompt set, `is_local` whether only this machine reaches the page. Votes are copied to the dataset
    `backup`. Raters' ids are hashed with `judge_secret`, or if it is empty with a key in a file beside the votes.
    `words` hide a battle from readers; with `public_results` everybody sees the results; `sign_in` is whether raters
    may or must sign in. `environment` is that of programs that the page starts.
    """

    data_dir: Path
    to_add: tuple[str, ...] = ()
    lang: str = ""
    admin_token: str = field(default="", repr=False)
    public_url: str = ""
    answers: Path | None = None
    has_samples: bool = False
    named_prompts: bool = False
    is_local: bool = False
    platform: Platform = Platform()
    backup: str = ""
    judge_secret: str = field(default="", repr=False)
    words: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ), repr=False)
    public_results: bool = False
    sign_in: SignIn | None = None

    @property
    def hosts(self) -> frozenset[str] | None:
        """The names that the page answers to besides this machine's; None for all."""
        if not self.is_local or self.platform.is_notebook:
            return None
        return frozenset({hostname(self.public_url)} - {""})


@contextmanager
def backed_up(hosting: Hosting) -> Iterator[Callable[[], BackupStatus] | None]:
    """Yields a function that returns the state of the backup; None without a backup on a persistent disk.

    Raises InputError for a backup that cannot work.
    """
    if not hosting.backup:
        waiting = Waiting(hosting.data_dir)
        yield None if hosting.platform.keeps else lambda: BackupStatus(waiting=waiting())
        return
    backup = Backup(named_dataset(hosting.backup), hosting.data_dir)
    backup.start()
    if problem := backup.status().problem:
        typer.echo(f"Warning: {problem} Votes are not backed up yet.", err=True)
    if not hosting.judge_secret and not hosting.platform.keeps:
        typer.echo("Warning: without ARENA_JUDGE_KEY this host does not recognize raters after a restart.", err=True)
    try:
        yield backup.status
    finally:
        backup.close()
        status = backup.status()
        if status.waiting:
            typer.echo(f"Warning: {status.waiting} votes are not backed up. {status.problem or ''}".rstrip(), err=True)
