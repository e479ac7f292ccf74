"""Access to Hugging Face and ModelScope: the files of published models, and datasets for backups and answers."""

import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Literal, Protocol

from arena.errors import ArenaError, BackendError, InputError

Hub = Literal["huggingface", "modelscope"]

PROBE_SECONDS = 5.0  # a hub that takes longer to send a few bytes is no use for gigabytes
_DATASET = re.compile(r"(hf|modelscope):([\w.-]+/[\w.-]+)", re.ASCII)


@dataclass(frozen=True)
class Repo:
    """A repository on a hub at one revision (a commit or a tag)."""

    id: str
    revision: str


@dataclass(frozen=True)
class ListedFile:
    """A file in the list of a hub or a folder; `sha256` is None or "" where the list has none."""

    path: str
    size: int
    sha256: str | None = None


class Dataset(Protocol):
    """One dataset on a hub. All methods raise whatever the hub's library raises."""

    hub: str
    """The name of the hub to show to people."""
    login: str
    """The environment variable that holds the token; the library reads it."""
    repo_id: str

    def prepare(self, private: bool = True) -> bool:
        """Creates the dataset, as private or public, if it is missing; returns whether it is private."""

    def sizes(self) -> dict[str, int]:
        """The size in bytes of each file, by name."""

    def download(self, name: str, folder: Path) -> Path:
        """Downloads one file into the folder and returns its path."""

    def upload(self, files: Mapping[str, Path]) -> None:
        """Adds or replaces files by name. Each file appears whole or not at all."""


def hub_module(hub: Hub) -> ModuleType:
    """The module `hubs.huggingface` or `hubs.modelscope`; both have the same functions."""
    return import_module(f"hubs.{hub}")


def named_dataset(name: str) -> Dataset:
    """The dataset `hf:OWNER/NAME` or `modelscope:OWNER/NAME`.

    Raises InputError for any other name and BackendError if the hub's library is not installed.
    """
    match = _DATASET.fullmatch(name)
    if not match:
        message = f"{name!r} is not a dataset. Write hf:OWNER/NAME or modelscope:OWNER/NAME."
        raise InputError("dataset_name", message, named=name)
    dataset: Dataset = hub_module("huggingface" if match[1] == "hf" else "modelscope").HubDataset(match[2])
    return dataset


def pinned(hub: Hub, repo: Repo) -> Repo:
    """The repository at the exact revision that a branch, a tag or "" stands for now. Raises as `list_files`."""
    with _asking(hub, repo):
        pinned: Repo = hub_module(hub).pinned(repo)
        return pinned


def list_files(hub: Hub, repo: Repo, recursive: bool = False) -> tuple[ListedFile, ...]:
    """The files at the revision, `recursive` also those in folders. Raises BackendError with a one-line message."""
    with _asking(hub, repo):
        files: tuple[ListedFile, ...] = hub_module(hub).list_files(repo, recursive)
        return files


@contextmanager
def _asking(hub: Hub, repo: Repo) -> Iterator[None]:
    """Turns the errors of a hub's library in the block into a BackendError."""
    if hub_module(hub).switched_off():
        raise _offline(hub, repo, "HF_HUB_OFFLINE is set")
    # Probed first: the libraries retry silently for half a minute when a hub does not answer.
    if not _status(hub, repo, "HEAD"):
        raise _offline(hub, repo, "no answer; check the network and the proxy settings")
    try:
        yield
    except ArenaError:
        raise
    except Exception as error:
        status = status_of(error)
        if status and status >= 400:
            # What Hugging Face says beside the status: RepoNotFound, RevisionNotFound, ...
            headers = getattr(getattr(error, "response", None), "headers", {})
            raise refused(hub, repo, status, str(headers.get("X-Error-Code", ""))) from error
        raise _offline(hub, repo, type(error).__name__) from error


def first_to_answer(repos: Mapping[Hub, Repo]) -> Hub:
    """The hub that is the first to confirm that it has the model; all are asked at once. Raises BackendError."""
    if any(hub_module(hub).switched_off() for hub in repos):
        # HF_HUB_OFFLINE asks for no network at all; another hub is used only if it is named.
        raise _offline("huggingface", repos["huggingface"], "HF_HUB_OFFLINE is set")
    if len(repos) == 1:
        return next(iter(repos))
    denied: list[Hub] = []
    pool = ThreadPoolExecutor(len(repos))
    try:
        futures = {pool.submit(_status, hub, repo): hub for hub, repo in repos.items()}
        for future in as_completed(futures):
            try:
                status = future.result()
            except BackendError:  # its library is not installed
                continue
            if status and status < 400:
                return futures[future]
            if status:
                denied.append(futures[future])
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    if denied:
        return denied[0]
    names = " nor ".join(hub_module(hub).NAME for hub in repos)
    message = f"Neither {names} can be reached; check the network and the proxy settings."
    raise BackendError("fetch_offline", message)


def _status(hub: Hub, repo: Repo, method: str = "GET") -> int:
    """The HTTP status of a small request about the model; 0 without an answer. Raises if the library is missing."""
    import httpx

    module = hub_module(hub)
    try:
        url = module.download_url(repo, "config.json")
        # A mirror may not support HEAD: any answer shows that it is up. The body is not read.
        with httpx.stream(method, url, headers=module.headers(), timeout=PROBE_SECONDS) as response:
            return response.status_code
    except (httpx.HTTPError, httpx.InvalidURL, ImportError, ValueError):
        # The last two: an unusable address or proxy in the environment.
        return 0


def status_of(error: BaseException) -> int | None:
    """The HTTP status in an error of a hub's library, if the hub answered."""
    response = getattr(error, "response", None)
    status = getattr(response, "status_code", None) or getattr(error, "status_code", None)
    if isinstance(status, int):
        return status
    # The library of Hugging Face wraps a refused download in an error about its own cache.
    return status_of(error.__cause__) if error.__cause__ else None


def refused(hub: Hub, repo: Repo, status: int, code: str = "") -> BackendError:
    """The error for a request that the hub refused with this HTTP status."""
    module = hub_module(hub)
    details = {"hub": module.NAME, "repo": repo.id}
    if status in (401, 403):
        # A hub does not tell a stranger whether a repository exists.
        message = (
            f"{module.NAME} refuses access to {repo.id} ({status}): it does not exist, or a login is needed. Accept "
            f"its licence at {module.page(repo)} if it asks for that, create a token in your account's settings there, "
            f"set it as {module.LOGIN}, and run this again."
        )
        details |= {"status": str(status), "page": module.page(repo), "login": module.LOGIN}
        return BackendError("fetch_denied", message, **details)
    if status == 404 and (code == "RepoNotFound" or not repo.revision):
        message = f"{module.NAME} has no repository {repo.id}; check the name, or use the other hub."
        return BackendError("fetch_no_repository", message, **details)
    if status == 404:
        message = f"{module.NAME} has no {repo.id} at revision {repo.revision}; check both, or use the other hub."
        return BackendError("fetch_missing", message, revision=repo.revision, **details)
    message = f"{module.NAME} is busy or out of order ({status}); try again later, or use the other hub."
    return BackendError("fetch_busy", message, status=status)


def _offline(hub: Hub, repo: Repo, reason: str) -> BackendError:
    message = f"{hub_module(hub).NAME} cannot be reached for {repo.id} ({reason})."
    return BackendError("fetch_offline", message, repo=repo.id)
