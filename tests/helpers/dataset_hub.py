"""A hub's datasets on the loopback: the parts of Hugging Face's and ModelScope's API by which files are written, with
faults. Knows nothing of the code under test.

Both hubs answer on one port and hold the same datasets: name -> file -> bytes.
"""

from __future__ import annotations

import base64
import email
import email.policy
import hashlib
import json
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import unquote, urlsplit

from loopback_server import LoopbackServer

TOKEN = "hf_of_the_test"
REVISION = "0" * 39 + "1"


@dataclass
class Faults:
    """What goes wrong: `status` is the answer to everything, `commit_status` to commits alone, `lost` commits happen
    but their answers never come, and `before_commit` is called before one is carried out."""

    status: int = 0
    commit_status: int = 0
    lost: bool = False
    before_commit: Callable[[], None] = lambda: None


@dataclass
class Dataset:
    """One dataset; `commits` has the sizes of the files after each commit."""

    private: bool = True
    files: dict[str, bytes] = field(default_factory=dict)
    commits: list[dict[str, int]] = field(default_factory=list)


class DatasetHub(LoopbackServer):
    """Serves and takes datasets."""

    def __init__(self) -> None:
        self.datasets: dict[str, Dataset] = {}
        self.faults = Faults()
        self.asked: list[str] = []
        self.blobs: dict[str, bytes] = {}
        # Protects the datasets: a commit is one step.
        self.lock = threading.Lock()
        super().__init__(type("Handler", (_Handler,), {"hub": self}))

    def commit(self, name: str, changes: dict[str, bytes]) -> None:
        """Carry out a commit."""
        with self.lock:
            dataset = self.datasets[name]
            dataset.files |= changes
            dataset.commits.append({file: len(data) for file, data in dataset.files.items()})


_REPO = r"(?P<repo>[^/]+/[^/]+)"


class _Handler(BaseHTTPRequestHandler):
    hub: DatasetHub
    protocol_version = "HTTP/1.1"
    routes: tuple[tuple[str, str, str], ...] = (
        ("POST", "/api/repos/create", "hf_create"),
        ("POST", "/api/validate-yaml", "hf_validate"),
        ("GET", f"/api/datasets/{_REPO}", "hf_info"),
        ("GET", f"/api/datasets/{_REPO}/tree/main", "hf_tree"),
        ("POST", f"/api/datasets/{_REPO}/preupload/main", "hf_preupload"),
        ("POST", f"/api/datasets/{_REPO}/commit/main", "hf_commit"),
        ("HEAD", f"/datasets/{_REPO}/resolve/[^/]+/(?P<file>.+)", "hf_file"),
        ("GET", f"/datasets/{_REPO}/resolve/[^/]+/(?P<file>.+)", "hf_file"),
        ("GET", f"/openapi/v1/datasets/{_REPO}", "ms_unknown"),
        ("POST", "/api/v1/datasets", "ms_create"),
        ("GET", f"/api/v1/datasets/{_REPO}", "ms_info"),
        ("GET", f"/api/v1/datasets/{_REPO}/repo/tree", "ms_tree"),
        ("GET", f"/api/v1/datasets/{_REPO}/repo", "ms_file"),
        ("HEAD", f"/api/v1/datasets/{_REPO}/repo", "ms_file"),
        ("POST", f"/api/v1/repos/datasets/{_REPO}/info/lfs/objects/batch", "ms_blobs"),
        ("PUT", "/blobs/(?P<oid>[0-9a-f]{64})", "ms_blob"),
        ("POST", f"/api/v1/repos/datasets/{_REPO}/commit/master", "ms_commit"),
    )

    def log_message(self, *arguments: Any) -> None:
        """Says nothing."""

    def _answer(self) -> None:
        parts = urlsplit(self.path)
        path = unquote(parts.path)
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.query = dict(pair.partition("=")[::2] for pair in unquote(parts.query).split("&"))
        self.hub.asked.append(f"{self.command} {path}")
        if self.hub.faults.status:
            return self._json({"error": "out of order", "Message": "out of order"}, self.hub.faults.status)
        for command, pattern, name in self.routes:
            if command == self.command and (match := re.fullmatch(pattern, path)):
                result = match.groupdict()
                repo = result.get("repo", "")
                if repo and (repo not in self.hub.datasets or not self._logged_in()):
                    return self._json({"error": "Repository Not Found", "Code": 404, "Message": "none"}, 404)
                return getattr(self, name)(**result)
        return self._json({"error": f"no page {path}", "Message": "no such page"}, 404)

    do_GET = do_POST = do_PUT = do_HEAD = _answer

    def _logged_in(self) -> bool:
        return TOKEN in self.headers.get("Authorization", "") + self.headers.get("Cookie", "")

    def _json(self, value: Any, status: int = 200, **headers: str) -> None:
        self._bytes(json.dumps(value).encode(), status, **{"Content-Type": "application/json", **headers})

    def _bytes(self, body: bytes, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _commit(self, repo: str, changes: dict[str, bytes]) -> bool:
        """Whether the commit is to be answered."""
        faults = self.hub.faults
        faults.before_commit()
        if faults.commit_status:
            self._json({"error": "busy", "Message": "busy"}, faults.commit_status)
            return False
        self.hub.commit(repo, changes)
        if faults.lost:
            self.close_connection = True
        return not faults.lost

    # ---- Hugging Face

    def hf_create(self) -> None:
        asked = json.loads(self.body)
        name = f"{asked['organization']}/{asked['name']}"
        if not self._logged_in():
            return self._json({"error": "Invalid username or password."}, 401)
        if name in self.hub.datasets:
            return self._json({"error": "exists", "url": f"{self.hub.url}/datasets/{name}"}, 409)
        self.hub.datasets[name] = Dataset(private=asked["visibility"] == "private")
        return self._json({"url": f"{self.hub.url}/datasets/{name}", "name": name})

    def hf_validate(self) -> None:
        """What the hub says of the card of a dataset."""
        has_licence = "\nlicense: " in json.loads(self.body)["content"]
        errors = [] if has_licence else [{"message": "no license"}]
        self._json({"errors": errors, "warnings": []}, 200 if has_licence else 400)

    def hf_info(self, repo: str) -> None:
        self._json({"id": repo, "private": self.hub.datasets[repo].private, "sha": REVISION, "siblings": []})

    def hf_tree(self, repo: str) -> None:
        files = self.hub.datasets[repo].files
        entries = [{"type": "file", "oid": "0" * 40, "size": len(data), "path": name} for name, data in files.items()]
        self._json([{"type": "directory", "oid": "0" * 40, "size": 0, "path": "old"}, *entries])

    def hf_preupload(self, repo: str) -> None:
        files = [{"path": file["path"], "uploadMode": "regular"} for file in json.loads(self.body)["files"]]
        self._json({"files": [{**file, "shouldIgnore": False} for file in files]})

    def hf_commit(self, repo: str) -> None:
        lines = [json.loads(line) for line in self.body.splitlines()]
        files = [line["value"] for line in lines if line["key"] == "file"]
        if self._commit(repo, {file["path"]: base64.b64decode(file["content"]) for file in files}):
            page = f"{self.hub.url}/datasets/{repo}/commit/{REVISION}"
            self._json({"commitUrl": page, "commitOid": REVISION, "hookOutput": "", "success": True})

    def hf_file(self, repo: str, file: str) -> None:
        data = self.hub.datasets[repo].files.get(file)
        if data is None:
            return self._json({"error": "Entry not found"}, 404, **{"X-Error-Code": "EntryNotFound"})
        return self._bytes(data, ETag=f'"{hashlib.sha256(data).hexdigest()}"', X_Repo_Commit=REVISION)

    # ---- ModelScope

    def ms_unknown(self, repo: str) -> None:
        self._json({"code": 404, "message": "not found"}, 404)

    def ms_create(self) -> None:
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        form = email.message_from_bytes(head + self.body, policy=email.policy.HTTP)
        asked = {
            part.get_param("name", header="content-disposition"): part.get_content().strip()
            for part in form.iter_parts()
        }
        if not self._logged_in():
            return self._json({"Code": 401, "Message": "log in"}, 401)
        name = f"{asked['Owner']}/{asked['Name']}"
        if name in self.hub.datasets:
            return self._json({"Code": 10020101001, "Message": f"{name} already exists", "Success": False}, 400)
        self.hub.datasets[name] = Dataset(private=asked["Visibility"] == "1")
        return self._json({"Code": 200, "Data": {"Owner": asked["Owner"], "Name": asked["Name"]}, "Success": True})

    def ms_info(self, repo: str) -> None:
        owner, name = repo.split("/")
        visibility = 1 if self.hub.datasets[repo].private else 5
        self._json({"Code": 200, "Data": {"Owner": owner, "Name": name, "Visibility": visibility}, "Success": True})

    def ms_tree(self, repo: str) -> None:
        files = [
            {"Path": name, "Name": name, "Type": "blob", "Size": len(data), "Sha256": hashlib.sha256(data).hexdigest()}
            for name, data in self.hub.datasets[repo].files.items()
        ]
        folder = {"Path": "old", "Name": "old", "Type": "tree", "Size": 0}
        self._json({"Code": 200, "Data": {"Files": [folder, *files]}, "Success": True})

    def ms_file(self, repo: str) -> None:
        data = self.hub.datasets[repo].files.get(self.query["FilePath"])
        if data is None:
            return self._json({"Code": 404, "Message": "no such file"}, 404)
        return self._bytes(data, **{"Content-Type": "application/octet-stream"})

    def ms_blobs(self, repo: str) -> None:
        objects = []
        for blob in json.loads(self.body)["objects"]:
            there = blob["oid"] in self.hub.blobs
            actions = {} if there else {"upload": {"href": f"{self.hub.url}/blobs/{blob['oid']}"}}
            objects.append({**blob, "actions": actions})
        self._json({"Code": 200, "Data": {"objects": objects}, "Success": True})

    def ms_blob(self, oid: str) -> None:
        self.hub.blobs[oid] = self.body
        self._json({"Code": 200, "Success": True})

    def ms_commit(self, repo: str) -> None:
        actions = json.loads(self.body)["actions"]
        changes = {
            action["path"]: self.hub.blobs[action["sha256"]]
            if action["type"] == "lfs"
            else base64.b64decode(action["content"])
            for action in actions
        }
        if self._commit(repo, changes):
            self._json({"Code": 200, "Data": {"CommitId": REVISION}, "Success": True})
