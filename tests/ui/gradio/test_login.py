"""The setting of the sign-in, whose vote it is with one, and which paths are open."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest

import ui.gradio.sign_in
from arena.errors import InputError
from ui.access import Access
from ui.gradio.middleware import RequestFilter
from ui.gradio.sign_in import Provider, SignIn, check_sign_in
from ui.tabs import Tab

SPACE = dict.fromkeys(
    ("SPACE_ID", "SPACE_HOST", "OAUTH_CLIENT_ID", "OAUTH_CLIENT_SECRET", "OAUTH_SCOPES", "OPENID_PROVIDER_URL"), "x"
) | {"SYSTEM": "spaces"}
OFFERED, REQUIRED = SignIn(False), SignIn(True)
SIGNED_IN, STRANGER = (SimpleNamespace(account=account) for account in ("huggingface:1", ""))


def test_sign_in_is_off_unless_it_is_set_and_a_space_needs_its_own_login(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ui.gradio.sign_in, "find_spec", lambda name: object())
    assert check_sign_in("", "", {}) is None and check_sign_in("", "", SPACE) is None
    assert check_sign_in("offered", "", SPACE) == OFFERED and check_sign_in("required", "", SPACE) == REQUIRED
    assert OFFERED.place == "Hugging Face"
    for missing in set(SPACE) - {"SYSTEM"}:
        with pytest.raises(InputError, match=f"hf_oauth: true .*{missing} is not set") as error:
            check_sign_in("required", "", {name: value for name, value in SPACE.items() if name != missing})
        assert error.value.code == "sign_in_place"
    with pytest.raises(InputError, match="offered or required, not yes"):
        check_sign_in("yes", "", SPACE)
    with monkeypatch.context() as other:
        other.setattr(ui.gradio.sign_in, "is_known_version", lambda: False)
        with pytest.raises(InputError, match=r"needs gradio 6\.31"):
            check_sign_in("offered", "", SPACE)
    monkeypatch.setattr(ui.gradio.sign_in, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="pip install authlib itsdangerous"):
        check_sign_in("offered", "", SPACE)


STUDIO = {"MODELSCOPE_ENVIRONMENT": "studio", "OAUTH_CLIENT_ID": "me", "OAUTH_CLIENT_SECRET": "hush"}
OWN = {**STUDIO, "MODELSCOPE_ENVIRONMENT": "", "OPENID_PROVIDER_URL": "https://id.example/school/"}


@pytest.mark.parametrize(
    ("environment", "url", "scopes", "place"),
    [
        (STUDIO, "https://modelscope.cn", "profile", "ModelScope"),
        (OWN, "https://id.example/school", "openid profile", "id.example"),
        ({**OWN, "OAUTH_SCOPES": "openid"}, "https://id.example/school", "openid", "id.example"),
    ],
)
def test_elsewhere_sign_in_needs_a_client_of_the_provider_and_the_own_address(
    environment: dict[str, str], url: str, scopes: str, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ui.gradio.sign_in, "find_spec", lambda name: object())
    login = check_sign_in("offered", "https://you-arena.example/", environment)
    callback = "https://you-arena.example/login/callback"
    assert login == SignIn(False, Provider(url=url, callback=callback, client="me", secret="hush", scopes=scopes))
    assert login.place == place and "hush" not in repr(login)
    for missing in ("OPENID_PROVIDER_URL", "OAUTH_CLIENT_ID", "OAUTH_CLIENT_SECRET", "ARENA_PUBLIC_URL"):
        if missing == "OPENID_PROVIDER_URL" and environment is STUDIO:
            continue
        own = "" if missing == "ARENA_PUBLIC_URL" else "https://you-arena.example"
        with pytest.raises(InputError, match=f"needs {missing}") as error:
            check_sign_in("required", own, {**environment, missing: ""})
        assert error.value.code == "sign_in_provider"


def test_a_page_below_a_path_cannot_have_a_login(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ui.gradio.sign_in, "find_spec", lambda name: object())
    assert check_sign_in("offered", "https://host.example/", OWN)
    with pytest.raises(InputError, match="without a path") as error:
        check_sign_in("offered", "https://host.example/user/proxy/7860/", OWN)
    assert error.value.code == "sign_in_path"


def access(login: SignIn | None) -> Any:
    return Access(judge=lambda rater: f"<{rater}>", login=login, account_of=lambda request: request.account)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("login", "request_", "judge"),
    [
        (None, STRANGER, "<anna>"),
        (None, SIGNED_IN, "<anna>"),  # nobody is asked for an account
        (OFFERED, STRANGER, "<anna>"),
        (OFFERED, SIGNED_IN, "<account:huggingface:1>"),
        (REQUIRED, STRANGER, ""),
        (REQUIRED, SIGNED_IN, "<account:huggingface:1>"),
    ],
)
def test_a_vote_belongs_to_the_account_if_there_is_one(login: SignIn | None, request_: Any, judge: str) -> None:
    rules = access(login)
    assert rules.judge_of({"rater": "anna"}, request_) == judge
    tab = Tab(chat=None, lang="en", request=request_)  # type: ignore[arg-type]
    rules.recognise(tab, {"rater": "anna"}, request_)
    if judge:
        assert tab.known_judge == judge
    else:
        with pytest.raises(InputError, match="Sign in to vote"):
            _ = tab.known_judge


@pytest.mark.parametrize("login", [None, OFFERED, REQUIRED])
def test_what_a_browser_stores_is_never_an_account(login: SignIn | None) -> None:
    assert access(login).judge_of({"rater": "account:huggingface:1"}, STRANGER) == ""


@pytest.mark.parametrize("path", ["/login/huggingface", "/login/callback", "/logout"])
def test_the_paths_of_the_login_are_open_only_where_there_is_one(path: str) -> None:
    async def status(method: str, **options: bool) -> int:
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": []})

        scope = {"type": "http", "method": method, "path": path, "headers": []}
        await RequestFilter(app, **options)(scope, None, send)  # type: ignore[arg-type]
        return int(sent[0]["status"])

    # A thread of its own: the browser tests of this process run an event loop in this one.
    with ThreadPoolExecutor(1) as pool:
        statuses = [
            pool.submit(asyncio.run, status(method, has_login=has_login)).result()
            for method, has_login in (("GET", False), ("GET", True), ("POST", True))
        ]
    assert statuses == [404, 200, 404]
