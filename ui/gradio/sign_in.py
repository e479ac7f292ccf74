"""Sign-in by gradio's own login on a Space, and elsewhere with another provider of accounts, such as ModelScope."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from starlette.responses import PlainTextResponse, Response

from arena.errors import InputError
from ui.gradio.compat import WRITTEN_FOR, is_known_version
from ui.gradio.faults import log_fault
from ui.gradio.middleware import LOGIN_PATHS

if TYPE_CHECKING:
    import gradio as gr
    from fastapi import FastAPI
    from starlette.requests import Request

_MODES = ("offered", "required")
# What a Space sets.
_SPACE = ("SPACE_ID", "SPACE_HOST", "OAUTH_CLIENT_ID", "OAUTH_CLIENT_SECRET", "OAUTH_SCOPES", "OPENID_PROVIDER_URL")
_MODELSCOPE = "https://modelscope.cn"
# Those of gradio[oauth], which a Space of the SDK Gradio has.
_PACKAGES = ("authlib", "itsdangerous")
_SECONDS = 8 * 3600.0  # as long as on a Space


@dataclass(frozen=True, kw_only=True)
class Provider:
    """A provider of OpenID Connect at `url`. It knows this page as `client` and sends visitors back to `callback`."""

    url: str
    callback: str
    client: str
    secret: str = field(repr=False)
    scopes: str

    @property
    def host(self) -> str:
        """The provider's name in accounts and in the log."""
        return urlsplit(self.url).netloc

    def serve(self, app: FastAPI) -> None:
        """Adds what gradio's login button leads to: the way to the provider, the way back, and signing out."""
        from authlib.integrations.starlette_client import OAuth  # noqa: PLC0415 - an optional package
        from starlette.middleware.sessions import SessionMiddleware  # noqa: PLC0415 - needs an optional package

        oauth = OAuth().register(
            "provider",
            client_id=self.client,
            client_secret=self.secret,
            server_metadata_url=f"{self.url}/.well-known/openid-configuration",
            client_kwargs={"scope": self.scopes, "token_endpoint_auth_method": "client_secret_post"},
        )
        for path, answer in zip(LOGIN_PATHS, (self._leave, self._come_back, self._sign_out), strict=True):
            app.add_route(path, partial(answer, oauth))
        is_secure = self.callback.startswith("https:")
        app.add_middleware(
            SessionMiddleware,
            secret_key=hashlib.sha256(self.secret.encode()).hexdigest(),
            # In a frame of the host's page only such a cookie is sent, and only over HTTPS.
            same_site="none" if is_secure else "lax",
            https_only=is_secure,
        )

    async def _leave(self, oauth: Any, request: Request) -> Response:
        request.session["target"] = request.query_params.get("_target_url", "/")
        return await self._or_failed(oauth.authorize_redirect(request, self.callback))

    async def _come_back(self, oauth: Any, request: Request) -> Response:
        return await self._or_failed(self._sign_in(oauth, request))

    async def _sign_out(self, oauth: Any, request: Request) -> Response:
        request.session.pop("oauth_info", None)
        return _redirect(request, "/")

    async def _sign_in(self, oauth: Any, request: Request) -> Response:
        token = await oauth.authorize_access_token(request)
        about = token.get("userinfo") or await oauth.userinfo(token=token)
        name = next(str(about[key]) for key in ("preferred_username", "username", "sub") if about.get(key))
        account = {"sub": str(about.get("sub") or name), "preferred_username": name}
        # The token itself is not kept: a cookie can be read.
        about = {"userinfo": account, "expires_at": time.time() + _SECONDS, "provider": self.host}
        request.session["oauth_info"] = about
        return _redirect(request, request.session.pop("target", "/"))

    async def _or_failed(self, response: Awaitable[Response]) -> Response:
        try:
            return await response
        except Exception as error:  # noqa: BLE001 (the log has it)
            log_fault(f"sign-in with {self.host}", error)
            return PlainTextResponse("登录失败，请返回后重试。\nSign-in failed. Go back and try again.", 502)


def _redirect(request: Request, target: str) -> Response:
    from gradio.oauth import _redirect_to_target  # noqa: PLC0415 - after import_gradio

    return _redirect_to_target(request, target)


@dataclass(frozen=True)
class SignIn:
    """Raters may sign in, or must before they vote if it `is_required`; a vote then belongs to the account.

    `provider` is None on a Space, where gradio's own login knows Hugging Face.
    """

    is_required: bool
    provider: Provider | None = None

    @property
    def place(self) -> str:
        """The provider's name on the page."""
        if self.provider is None:
            return "Hugging Face"
        return "ModelScope" if self.provider.url == _MODELSCOPE else self.provider.host

    def attach(self) -> None:
        """Lets gradio's login button lead to the provider: gradio itself would sign everybody in as the host."""
        if self.provider:
            import gradio.routes  # noqa: PLC0415 - after import_gradio

            setattr(gradio.routes, "attach_oauth", self.provider.serve)  # noqa: B010 - no public name


def check_sign_in(value: str, public_url: str, environment: Mapping[str, str]) -> SignIn | None:
    """The setting, None if it is empty. Raises InputError if it is unknown, if something is missing that it needs, and
    if gradio is another version."""
    if not value:
        return None
    if value not in _MODES:
        raise InputError("sign_in_unknown", f"--sign-in is offered or required, not {value}.", value=value)
    provider = None
    if environment.get("SYSTEM") == "spaces":
        if missing := next((name for name in _SPACE if not environment.get(name)), ""):
            message = f"Sign-in on a Space needs hf_oauth: true in its README.md ({missing} is not set)."
            raise InputError("sign_in_place", message, name=missing)
    else:
        provider = _provider(public_url, environment)
    if not all(map(find_spec, _PACKAGES)):
        packages = " ".join(_PACKAGES)
        message = f"Sign-in needs more packages: pip install {packages}"
        raise InputError("sign_in_packages", message, packages=packages)
    if not is_known_version():  # private functions are used
        message = f"Sign-in needs gradio {WRITTEN_FOR}: pip install -r requirements.txt"
        raise InputError("sign_in_gradio", message, version=WRITTEN_FOR)
    return SignIn(value == "required", provider)


def _provider(public_url: str, environment: Mapping[str, str]) -> Provider:
    in_studio = environment.get("MODELSCOPE_ENVIRONMENT") == "studio"
    needed = {
        "OPENID_PROVIDER_URL": environment.get("OPENID_PROVIDER_URL") or (_MODELSCOPE if in_studio else ""),
        "OAUTH_CLIENT_ID": environment.get("OAUTH_CLIENT_ID", ""),
        "OAUTH_CLIENT_SECRET": environment.get("OAUTH_CLIENT_SECRET", ""),
        "ARENA_PUBLIC_URL": public_url,
    }
    for name, value in needed.items():
        if not value:
            message = f"Sign-in outside a Hugging Face Space needs {name} (see docs/hosting.md)."
            raise InputError("sign_in_provider", message, name=name)
    url, client, secret, own = needed.values()
    if urlsplit(own).path.strip("/"):  # gradio's button leads to the top of the host
        message = f"Sign-in needs a page at the top of its host, without a path as in ARENA_PUBLIC_URL={own}."
        raise InputError("sign_in_path", message, url=own)
    # Its own users report that ModelScope returns no nonce, which the scope openid asks for.
    default = "profile" if url == _MODELSCOPE else "openid profile"
    return Provider(
        url=url.rstrip("/"),
        callback=f"{own.rstrip('/')}/login/callback",
        client=client,
        secret=secret,
        scopes=environment.get("OAUTH_SCOPES") or default,
    )


def account_of(request: gr.Request) -> str:
    """The account that the browser of a request has signed in with, "" if none: its id, which no renaming changes."""
    from gradio.oauth import _get_valid_oauth_info_from_session  # noqa: PLC0415 - after import_gradio

    session: Any = request.request.session if request.request else {}
    info = _get_valid_oauth_info_from_session(session) or {}
    subject = str(info.get("userinfo", {}).get("sub", ""))
    return f"{info.get('provider', 'huggingface')}:{subject}" if subject else ""
