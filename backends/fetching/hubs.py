"""The two hubs as one: which answers, what a repository holds, and what a failure means. Downloads nothing."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from types import ModuleType

from arena.errors import ArenaError, BackendError
from backends.fetching import huggingface, modelscope
from backends.folder.manifest import Hub, RemoteFile, Repo

# A hub that cannot answer a few bytes in this time is not the one for gigabytes.
PROBE_SECONDS = 5.0


def hub_module(hub: Hub) -> ModuleType:
    """The module that speaks with the hub."""
    return huggingface if hub == "huggingface" else modelscope


def list_files(hub: Hub, repo: Repo) -> tuple[RemoteFile, ...]:
    """The files at the pinned revision. Raises BackendError in one line."""
    access = hub_module(hub)
    if access.switched_off():
        raise offline(hub, repo, "HF_HUB_OFFLINE is set")
    # Asked by ourselves first: the libraries try for half a minute, without a word, what does not answer.
    if not _status(hub, repo, PROBE_SECONDS, "HEAD"):
        raise offline(hub, repo, "no answer; is there a network, and are the proxy settings right?")
    try:
        files: tuple[RemoteFile, ...] = access.list_files(repo)
        return files
    except ArenaError:
        raise
    except Exception as error:
        response = getattr(error, "response", None)
        status = getattr(response, "status_code", None) or getattr(error, "status_code", None)
        if isinstance(status, int) and status >= 400:
            raise refused(hub, repo, status) from error
        raise offline(hub, repo, type(error).__name__) from error


def first_to_answer(repos: Mapping[Hub, Repo], seconds: float = PROBE_SECONDS) -> Hub:
    """The hub that is quickest to say that it has the model; both are asked at once. Raises BackendError."""
    asked: list[Hub] = [hub for hub in repos if not hub_module(hub).switched_off()]
    if len(asked) < len(repos):
        # Who sets HF_HUB_OFFLINE wants no network; another hub is asked only by name.
        raise offline("huggingface", repos["huggingface"], "HF_HUB_OFFLINE is set")
    if len(asked) == 1:
        return asked[0]
    denied: list[Hub] = []
    pool = ThreadPoolExecutor(len(asked))
    try:
        futures = {pool.submit(_status, hub, repos[hub], seconds): hub for hub in asked}
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
    names = " nor ".join(hub_module(hub).NAME for hub in asked)
    message = f"Neither {names} can be reached; is there a network, and are the proxy settings right?"
    raise BackendError("fetch_offline", message)


def _status(hub: Hub, repo: Repo, seconds: float, method: str = "GET") -> int:
    """How the hub answers the smallest question about the model; 0 if it does not. Raises if its library is gone."""
    import httpx

    access = hub_module(hub)
    try:
        url = access.download_url(repo, "config.json")
        # A mirror may not know HEAD: good enough to see that it is there, not what it has. The body is left unread.
        with httpx.stream(method, url, headers=access.headers(), timeout=seconds) as response:
            return response.status_code
    except (httpx.HTTPError, httpx.InvalidURL, ImportError, ValueError):
        # The last two: an address or a proxy in the environment that cannot be used.
        return 0


def refused(hub: Hub, repo: Repo, status: int) -> BackendError:
    """The error for an answer that is none, from its HTTP status."""
    access = hub_module(hub)
    if status in (401, 403):
        message = (
            f"{access.NAME} does not give {repo.id} to you ({status}): accept its licence at {access.page(repo)} "
            f"if it asks for that, log in ({access.LOGIN}), and run this again."
        )
        return BackendError("fetch_denied", message, repo=repo.id, status=status)
    if status == 404:
        message = f"{access.NAME} has no {repo.id} at revision {repo.revision}; try the other hub with --hub."
        return BackendError("fetch_missing", message, repo=repo.id, revision=repo.revision)
    message = f"{access.NAME} is busy or out of order ({status}); run this again later, or take the other with --hub."
    return BackendError("fetch_busy", message, status=status)


def offline(hub: Hub, repo: Repo, reason: str) -> BackendError:
    """The error for a hub that cannot be reached."""
    message = f"{hub_module(hub).NAME} cannot be reached for {repo.id} ({reason})."
    return BackendError("fetch_offline", message, repo=repo.id)
