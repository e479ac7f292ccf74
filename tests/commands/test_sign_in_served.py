"""Sign-in with a provider on loopback, by gradio's own login on a Space and by ours elsewhere; one vote an account."""

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
SCOPES = "openid profile"


@pytest.fixture
def provider() -> Iterator[OpenId]:
    """The provider, which is served."""
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
        yield known


def start(folder: Path, provider: str, sign_in: str, port: int, host: str) -> subprocess.Popen[bytes]:
    """The page as a Space or a Studio serves it, or a machine with a provider of its own."""
    answers = folder / "answers.jsonl"
    answers.write_text("\n".join(sample_answers(BATTLES)), encoding="utf-8")
    hosted = {
        "space": {"SYSTEM": "spaces", "SPACE_ID": "you/arena", "SPACE_HOST": "arena.example", "OAUTH_SCOPES": SCOPES},
        "studio": {"MODELSCOPE_ENVIRONMENT": "studio", "OAUTH_SCOPES": "profile"},
        "own": {},
    }[host]
    hosted |= {"OPENID_PROVIDER_URL": provider, "OAUTH_CLIENT_ID": CLIENT, "OAUTH_CLIENT_SECRET": "a secret"}
    if host != "space":
        hosted["ARENA_PUBLIC_URL"] = "https://arena.example"
    options = ["--answers", str(answers), "--data-dir", str(folder / "data"), "--sign-in", sign_in]
    command = [sys.executable, str(ROOT / "app.py"), *options, "--host", "127.0.0.1", "--port", str(port)]
    return subprocess.Popen(command, env={**os.environ, **hosted}, cwd=folder)


@pytest.fixture(params=["required space", "offered space", "required studio", "offered own"])
def page(request: pytest.FixtureRequest, tmp_path: Path, provider: OpenId) -> Iterator[tuple[str, str, Path]]:
    """The setting, the address and the votes of a page with sign-in."""
    port, (setting, host) = free_port(), request.param.split()
    process = start(tmp_path, provider.url, setting, port, host)
    try:
        url = f"http://127.0.0.1:{port}"
        assert wait_for(url) == 200
        yield setting, url, tmp_path / "data" / "votes.csv"
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
        assert "Sign in to vote" in str(refused) and not votes.exists()
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


@pytest.mark.parametrize("page", ["offered studio", "offered own"], indirect=True)
def test_a_provider_that_fails_signs_nobody_in_and_says_so(page: tuple[str, str, Path], provider: OpenId) -> None:
    _, url, _ = page
    anna = Visitor(url)
    provider.fails = True
    response = anna.sign_in("anna")
    assert response.status_code == 502 and "Go back and try again" in response.text
    forged = anna.get("/login/callback?code=code-0&state=another")
    assert forged.status_code == 502
    provider.fails = False
    assert anna.sign_in("anna", "/?room=ABCDEF").headers["location"] == "/?room=ABCDEF"
    assert anna.sign_in("anna", "https://elsewhere.example/x").headers["location"] == "/x"
    assert rate(anna, "one") == BATTLES
    assert provider.sent[-1]["client_secret"] == ["a secret"]
    assert provider.sent[-1]["redirect_uri"] == ["https://arena.example/login/callback"]
