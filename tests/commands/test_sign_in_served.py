"""Sign-in on a Space: gradio's own login against a provider on loopback; one vote for an account and battle."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pandas
import pytest
from loopback_server import LoopbackServer
from served_app import ROOT, free_port, wait_for

from bench.load.vote_log import sample_answers

pytest.importorskip("authlib", reason="pip install -r requirements-dev.txt")
pytest.importorskip("itsdangerous", reason="pip install -r requirements-dev.txt")

from openid_server import CLIENT, OpenId, Visitor

BATTLES = 2


@pytest.fixture
def provider() -> Iterator[str]:
    """The address of the provider."""
    known = OpenId()

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            cookie = SimpleCookie(self.headers.get("cookie", ""))
            account = cookie["account"].value if "account" in cookie else ""
            status, headers, answer = known.answer(self.path, body, account)
            self.send_response(status)
            for name, value in {**headers, "content-length": str(len(answer))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer)

        do_POST = do_GET

        def log_message(self, *arguments: object) -> None:
            pass

    with LoopbackServer(Answers).serving() as server:
        known.url = server.url
        yield server.url


def start(folder: Path, provider: str, sign_in: str, port: int) -> subprocess.Popen[bytes]:
    """The page as a Space serves it."""
    answers = folder / "answers.jsonl"
    answers.write_text("\n".join(sample_answers(BATTLES)), encoding="utf-8")
    space = {
        "SYSTEM": "spaces",
        "SPACE_ID": "you/arena",
        "SPACE_HOST": "arena.example",
        "OPENID_PROVIDER_URL": provider,
    }
    space |= {"OAUTH_CLIENT_ID": CLIENT, "OAUTH_CLIENT_SECRET": "a secret", "OAUTH_SCOPES": "openid profile"}
    options = ["--answers", str(answers), "--data-dir", str(folder / "data"), "--sign-in", sign_in]
    command = [sys.executable, str(ROOT / "app.py"), *options, "--host", "127.0.0.1", "--port", str(port)]
    return subprocess.Popen(command, env={**os.environ, **space}, cwd=folder)


@pytest.fixture(params=["required", "offered"])
def page(request: pytest.FixtureRequest, tmp_path: Path, provider: str) -> Iterator[tuple[str, str, Path]]:
    """The setting, the address and the votes of a page with sign-in."""
    port = free_port()
    process = start(tmp_path, provider, request.param, port)
    try:
        url = f"http://127.0.0.1:{port}"
        assert wait_for(url) == 200
        yield request.param, url, tmp_path / "data" / "votes.csv"
    finally:
        process.terminate()
        process.wait(30)


def rate(visitor: Visitor, session: str) -> int:
    """Votes until nothing is left; returns how many votes that were."""
    votes = 0
    while (battle := visitor.call("battle", "", session=session)[0])["battle_id"]:
        visitor.call("vote", battle["battle_id"], "tie", {}, "", session=session)
        votes += 1
    return votes


def test_a_vote_belongs_to_the_account_and_without_one_to_the_session_if_that_may_vote(
    page: tuple[str, str, Path],
) -> None:
    setting, url, votes = page
    stranger = Visitor(url)
    refused = stranger.call("battle", "")
    if setting == "required":
        assert "Sign in with Hugging Face to vote" in str(refused) and not votes.exists()
    else:
        assert rate(stranger, "nobody") == BATTLES
    anna, again, ben = Visitor(url), Visitor(url), Visitor(url)
    response = anna.sign_in("anna")
    assert response.status_code in (302, 307) and response.headers["location"].startswith("/")
    assert rate(anna, "one") == BATTLES
    # The same account in another browser and session has nothing left to judge.
    again.sign_in("anna")
    assert rate(again, "two") == 0
    ben.sign_in("ben")
    assert rate(ben, "three") == BATTLES
    # Nobody becomes another account by what a browser sends.
    anna.get("/logout")
    assert rate(anna, "four") == BATTLES if setting == "offered" else "Sign in" in str(anna.call("battle", ""))
    rows = pandas.read_csv(votes, dtype=str)
    assert rows.groupby("judge").size().tolist() == [BATTLES] * (4 if setting == "offered" else 2)
    for folder_file in votes.parent.iterdir():
        content = folder_file.read_bytes() if folder_file.is_file() else b""
        assert b"anna" not in content and b"id-of" not in content


def test_the_page_is_cached_without_anybodys_session(page: tuple[str, str, Path]) -> None:
    _, url, _ = page
    anna, stranger = Visitor(url), Visitor(url)
    anna.sign_in("anna")
    assert anna.get("/").status_code == 200
    response = stranger.get("/")
    assert response.status_code == 200 and "set-cookie" not in response.headers and stranger.cookie == ""
