"""Sign-in with Hugging Face by gradio's own login, which works on a Space that has it switched on (hf_oauth)."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal, get_args

from arena.errors import InputError
from ui.gradio.compat import WRITTEN_FOR, is_known_version

if TYPE_CHECKING:
    import gradio as gr

SignIn = Literal["", "offered", "required"]
"""Whether raters may sign in, or must before they vote. A vote then belongs to the account."""
# What a Space sets. Anywhere else gradio would sign everybody in as the host.
_SETTINGS = ("SPACE_ID", "SPACE_HOST", "OAUTH_CLIENT_ID", "OAUTH_CLIENT_SECRET", "OAUTH_SCOPES", "OPENID_PROVIDER_URL")
# Those of gradio[oauth], which a Space of the SDK Gradio has.
_PACKAGES = ("authlib", "itsdangerous")


def check_sign_in(value: str, environment: Mapping[str, str]) -> SignIn:
    """The setting. Raises InputError if it is unknown, outside a Space with sign-in, and if packages are missing
    or gradio is another version."""
    known: dict[str, SignIn] = {name: name for name in get_args(SignIn)}
    if value not in known:
        raise InputError("sign_in_unknown", f"--sign-in is offered or required, not {value}.", value=value)
    if not value:
        return ""
    missing = [name for name in _SETTINGS if not environment.get(name)]
    if missing or environment.get("SYSTEM") != "spaces":
        name = missing[0] if missing else "SYSTEM"
        message = f"Sign-in needs a Hugging Face Space with hf_oauth: true in its README.md ({name} is not set)."
        raise InputError("sign_in_place", message, name=name)
    if not all(map(find_spec, _PACKAGES)):
        packages = " ".join(_PACKAGES)
        message = f"Sign-in needs more packages: pip install {packages}"
        raise InputError("sign_in_packages", message, packages=packages)
    if not is_known_version():  # account_of uses a private function
        message = f"Sign-in needs gradio {WRITTEN_FOR}: pip install -r requirements.txt"
        raise InputError("sign_in_gradio", message, version=WRITTEN_FOR)
    return known[value]


def account_of(request: gr.Request) -> str:
    """The account that the browser of a request has signed in with, "" if none: its id, which no renaming changes."""
    from gradio.oauth import _get_valid_oauth_info_from_session  # noqa: PLC0415 - after import_gradio

    session: Any = request.request.session if request.request else {}
    info = _get_valid_oauth_info_from_session(session) or {}
    subject = str(info.get("userinfo", {}).get("sub", ""))
    return f"huggingface:{subject}" if subject else ""
