"""A hub on the loopback: the parts of Hugging Face's and ModelScope's API that the libraries call, with faults.

Knows nothing of the code under test. Both hubs answer on one port; what is asked of it is kept in `asked`.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from loopback_server import LoopbackServer

HF_FILE = re.compile(r"/(?P<repo>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<path>.+)")
HF_INFO = re.compile(r"/api/models/(?P<repo>[^/]+/[^/]+)(?:/revision/(?P<revision>[^/]+))?")
HF_TREE = re.compile(r"/api/models/(?P<repo>[^/]+/[^/]+)/tree/(?P<revision>[^/]+)")
MS_LIST = re.compile(r"/api/v1/models/(?P<repo>[^/]+/[^/]+)/repo/files")
MS_FILE = re.compile(r"/api/v1/models/(?P<repo>[^/]+/[^/]+)/repo")


@dataclass
class Asked:
    """One request as the server saw it, and how many bytes of a file went out for it."""

    method: str
    path: str
    file: str
    headers: dict[str, str]
    sent: int = 0


@dataclass
class Faults:
    """What the server does wrong, by file name where it says so."""

    cut_after: dict[str, int] = field(default_factory=dict)  # bytes of one answer, then the connection breaks
    cuts: int = 10**6  # how often
    contents: dict[str, bytes] = field(default_factory=dict)  # sent instead of the true ones
    file_status: dict[str, int] = field(default_factory=dict)
    list_status: int = 0
    busy_times: int = 0  # 503 to that many downloads
    delay: float = 0.0  # before every answer
    gate: threading.Event | None = None  # what every file that is asked waits for, a minute at most
    ignore_range: bool = False
    list_hashes: bool = True
    extra_entries: list[tuple[str, int]] = field(default_factory=list)
    redirect_to: str = ""  # another server's address, for every file


class HubServer(LoopbackServer):
    """Serves `files` as the repository at one revision, to which its main branch points."""

    def __init__(self, files: dict[str, bytes], repo: str, revision: str) -> None:
        self.files, self.repo, self.revision = files, repo, revision
        self.faults = Faults()
        self.asked: list[Asked] = []
        super().__init__(type("Handler", (_Handler,), {"hub": self}))

    def sent(self, file: str = "") -> int:
        """How many bytes of the file, or of all, went out."""
        return sum(asked.sent for asked in self.asked if asked.file and file in ("", asked.file))

    def fetched(self) -> set[str]:
        """The files of which bytes were asked."""
        return {asked.file for asked in self.asked if asked.file and asked.method == "GET"}


class _Handler(BaseHTTPRequestHandler):
    hub: HubServer
    protocol_version = "HTTP/1.1"
    _recursive = False

    def log_message(self, *arguments: Any) -> None:
        """Says nothing."""

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        time.sleep(self.hub.faults.delay)
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        path = unquote(parts.path)
        asked = Asked(self.command, path, "", dict(self.headers.items()))
        self.hub.asked.append(asked)
        self._recursive = query.get("recursive", query.get("Recursive", "")).lower() == "true"
        if match := HF_TREE.fullmatch(path):
            self._list(match["repo"], match["revision"], self._hf_entries)
        elif match := HF_INFO.fullmatch(path):
            info = {"id": match["repo"], "sha": self.hub.revision}
            self._list(match["repo"], match["revision"] or "main", lambda: info)
        elif match := MS_LIST.fullmatch(path):
            self._list(match["repo"], query.get("Revision", ""), self._ms_entries)
        elif match := HF_FILE.fullmatch(path):
            self._file(asked, match["repo"], match["revision"], match["path"])
        elif match := MS_FILE.fullmatch(path):
            self._file(asked, match["repo"], query.get("Revision", ""), query.get("FilePath", ""))
        else:
            self._json({"error": "no such page", "Message": "no such page"}, 404)

    def _json(self, value: Any, status: int = 200, code: str = "") -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        if code:
            self.send_header("X-Error-Code", code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _known(self, repo: str, revision: str) -> bool:
        return repo == self.hub.repo and revision in (self.hub.revision, "main", "master")

    def _list(self, repo: str, revision: str, entries: Any) -> None:
        status = self.hub.faults.list_status or (200 if self._known(repo, revision) else 404)
        if status == 200:
            return self._json(entries())
        code = "RevisionNotFound" if repo == self.hub.repo else "RepoNotFound"
        refusal = {"error": "refused", "Code": 10, "Message": "refused"}
        # ModelScope does not say what is missing.
        return self._json(refusal, status, code if status == 404 and "/v1/" not in self.path else "")

    def _entries(self) -> Iterator[tuple[str, int, str]]:
        for name, content in self.hub.files.items():
            large = name.endswith((".safetensors", ".bin", ".gguf")) and self.hub.faults.list_hashes
            yield name, len(content), hashlib.sha256(content).hexdigest() if large else ""
        for name, size in self.hub.faults.extra_entries:
            yield name, size, ""

    def _hf_entries(self) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = [{"type": "directory", "oid": "0" * 40, "size": 0, "path": "examples"}]
        for name, size, sha256 in self._entries():
            # What is in folders only if that is asked, but for what a hostile server adds.
            if self._recursive or "/" not in name or name not in self.hub.files:
                entry = {"type": "file", "oid": "0" * 40, "size": size, "path": name}
                entries.append({**entry, "lfs": {"oid": sha256, "size": size, "pointerSize": 134}} if sha256 else entry)
        return entries

    def _ms_entries(self) -> dict[str, Any]:
        files: list[dict[str, Any]] = [{"Path": "examples", "Name": "examples", "Type": "tree", "Size": 0}]
        for name, size, sha256 in self._entries():
            files.append({"Path": name, "Name": name, "Type": "blob", "Size": size, "Sha256": sha256 or None})
        return {"Code": 200, "Data": {"Files": files}, "Message": "success", "Success": True}

    def _file(self, asked: Asked, repo: str, revision: str, path: str) -> None:
        faults, asked.file = self.hub.faults, path
        if not self._known(repo, revision) or path not in self.hub.files:
            return self._json({"error": "not found"}, 404)
        if status := faults.file_status.get(path):
            return self._json({"error": "refused"}, status)
        if self.command == "GET" and faults.busy_times:
            faults.busy_times -= 1
            return self._json({"error": "busy"}, 503)
        if faults.redirect_to:
            self.send_response(302)
            self.send_header("Location", faults.redirect_to + self.path)
            self.send_header("Content-Length", "0")
            return self.end_headers()
        return self._send(asked, path, faults.contents.get(path, self.hub.files[path]))

    def _send(self, asked: Asked, path: str, content: bytes) -> None:
        faults, total, begin, end = self.hub.faults, len(content), 0, len(content)
        if faults.gate and self.command == "GET":
            faults.gate.wait(60)
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if wanted and not faults.ignore_range:
            begin, end = int(wanted[1]), min(total, int(wanted[2] or total) + 1)
            if begin >= total:
                return self._json({"error": "out of range"}, 416)
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {begin}-{end - 1}/{total}")
        else:
            self.send_response(200)
        self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        self.send_header("X-Repo-Commit", self.hub.revision)
        self.send_header("Content-Length", str(end - begin))
        self.end_headers()
        if self.command == "HEAD":
            return None
        part = content[begin:end]
        if path in faults.cut_after and faults.cuts > 0:
            faults.cuts -= 1
            part = part[: faults.cut_after[path]]
            self.close_connection = True
        self.wfile.write(part)
        asked.sent = len(part)
        return None
