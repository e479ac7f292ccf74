"""Several hubs of the tests behind one address, as a program knows a single hub: models by repository, and datasets."""

from __future__ import annotations

import http.client
from http.server import BaseHTTPRequestHandler
from typing import Any

from dataset_hub import DatasetHub
from hub_server import HubServer
from loopback_server import LoopbackServer


class WholeHub(LoopbackServer):
    """Passes each request on to the hub that has the repository in its path; datasets are on `datasets`."""

    def __init__(self, models: list[HubServer], datasets: DatasetHub) -> None:
        self.models, self.datasets = {hub.repo: hub for hub in models}, datasets
        super().__init__(type("Handler", (_Handler,), {"whole": self}))

    def hub_of(self, path: str) -> HubServer | DatasetHub:
        """The hub that answers for this path."""
        return next((hub for repo, hub in self.models.items() if repo in path), self.datasets)


class _Handler(BaseHTTPRequestHandler):
    whole: WholeHub
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments: Any) -> None:
        """Says nothing."""

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        port = int(self.whole.hub_of(self.path).url.rpartition(":")[2])
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request(self.command, self.path, body or None, dict(self.headers.items()))
        answer = connection.getresponse()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("server", "date"):
                self.send_header(name, value)
        self.end_headers()
        while part := answer.read(1 << 20):
            self.wfile.write(part)
        connection.close()

    do_GET = do_HEAD = do_POST = do_PUT = _pass_on
