"""Real reverse proxies in front of the app, on the loopback, configured by the files in deploy/."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from environments import python_with
from served_app import ROOT, free_port, wait_for

# All that nginx and Caddy write goes below this folder.
_NGINX_FOLDERS = "".join(
    f"{name}_temp_path {name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
)  # fmt: skip


@contextmanager
def nginx(app_urls: Sequence[str], path: str = "") -> Iterator[str]:
    """The address of nginx with deploy/nginx.conf in front of the apps, below a path such as "/arena"."""
    port, text = free_port(), (ROOT / "deploy/nginx.conf").read_text(encoding="utf-8")
    servers = "".join(f"server {urlsplit(url).netloc} max_fails=1 fail_timeout=5s;" for url in app_urls)
    text = _replaced(text, r"(?:server 127\.0\.0\.1:\d+ [^;]*;\s*)+", servers)
    text = _replaced(text, r"listen 8080;", f"listen 127.0.0.1:{port};")
    text = _replaced(text, r"\nhttp \{", f"\nhttp {{ access_log off; {_NGINX_FOLDERS}")
    if path:
        text = _replaced(text, r"location / \{", f"location {path}/ {{")
        text = _replaced(text, r"(?<=        )proxy_pass http://pages;", "proxy_pass http://pages/;")
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin:/opt/homebrew/bin")
    assert program, "nginx is not installed: sh tests/setup_packages.sh"
    with _configured("nginx.conf", text) as file:
        options = ["-p", str(file.parent), "-c", str(file), "-e", "stderr"]
        command = [program, *options, "-g", f"daemon off; pid {file.parent}/pid; error_log stderr;"]
        with _running(command, f"http://127.0.0.1:{port}{path}/") as address:
            yield address


@contextmanager
def caddy(app_urls: Sequence[str], path: str = "") -> Iterator[str]:
    """The address of Caddy with deploy/Caddyfile in front of the apps, below a path such as "/arena"."""
    port, text = free_port(), (ROOT / "deploy/Caddyfile").read_text(encoding="utf-8")
    text = _replaced(text, r"127\.0\.0\.1:7860 [\d.: ]+(?= \{)", " ".join(urlsplit(url).netloc for url in app_urls))
    text = _replaced(text, r"\n:8080 \{", f"\n{{\nadmin off\nauto_https off\n}}\nhttp://127.0.0.1:{port} {{")
    if path:
        text = _replaced(
            text, r"\treverse_proxy", f"\tredir {path} {path}/\n\thandle_path {path}/* {{\n\treverse_proxy"
        )
        text += "}\n"
    program = shutil.which("caddy")
    assert program, "Caddy is not installed: sh tests/setup_packages.sh"
    with _configured("Caddyfile", text) as file:
        command = [program, "run", "--adapter", "caddyfile", "--config", str(file)]
        with _running(command, f"http://127.0.0.1:{port}{path}/", {"HOME": str(file.parent)}) as address:
            yield address


@contextmanager
def jupyter(app_urls: Sequence[str], path: str = "") -> Iterator[str]:
    """The address of the first app behind jupyter-server-proxy, in a notebook server below a path."""
    python, port = python_with(Path(__file__).with_name("requirements-jupyter.txt")), free_port()
    with tempfile.TemporaryDirectory(prefix="jupyter-") as home:
        settings = {"ip": "127.0.0.1", "port": port, "base_url": f"{path}/", "allow_root": True, "open_browser": False}
        options = [f"--ServerApp.{name}={value}" for name, value in settings.items()]
        command = [str(python), "-m", "jupyter", "server", "--IdentityProvider.token=", *options]
        address = f"http://127.0.0.1:{port}{path}/proxy/{urlsplit(app_urls[0]).port}/"
        with _running(command, address, {"HOME": home, "PATH": f"{python.parent}:/usr/bin:/bin"}) as running:
            yield running


def _replaced(text: str, pattern: str, by: str) -> str:
    result, count = re.subn(pattern, by, text, count=1)
    assert count, f"deploy/ has nothing like {pattern}"
    return result


@contextmanager
def _configured(name: str, text: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="proxy-") as folder:
        file = Path(folder) / name
        file.write_text(text, encoding="utf-8")
        yield file


@contextmanager
def _running(command: Sequence[str], address: str, environment: dict[str, str] | None = None) -> Iterator[str]:
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            wait_for(address)
            yield address
        finally:
            process.kill()  # Caddy would wait for open pages
