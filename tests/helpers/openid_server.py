"""What a provider of sign-in (OpenID Connect) answers, as Hugging Face is one, and a browser that goes through it."""

from __future__ import annotations

import json
import re
import time
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
from joserfc import jwk, jwt

CLIENT = "the-client"


class OpenId:
    """The provider's answers; whoever comes to `authorize` is the account of the cookie `account`."""

    def __init__(self) -> None:
        self.url = ""
        self.sent: list[dict[str, list[str]]] = []  # the forms that were sent for tokens
        self.fails = False
        self._key = jwk.RSAKey.generate_key(2048, {"kid": "1"})
        self._codes: dict[str, dict[str, str]] = {}
        self._claims: dict[str, str] = {}

    def answer(self, path: str, body: bytes, account: str) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of the response to a request."""
        place, query = urlsplit(path).path, {name: value for name, (value,) in parse_qs(urlsplit(path).query).items()}
        match place:
            case "/.well-known/openid-configuration":
                names = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
                names["userinfo_endpoint"] = "userinfo"
                known: Any = {name: f"{self.url}/{end}" for name, end in names.items()} | {"issuer": self.url}
            case "/authorize":
                code = f"code-{len(self._codes)}"
                self._codes[code] = {"sub": f"id-of-{account}", "preferred_username": account}
                self._codes[code] |= {name: query[name] for name in ("nonce",) if name in query}
                target = query["redirect_uri"]
                joined = f"{target}{'&' if '?' in target else '?'}{urlencode({'code': code, 'state': query['state']})}"
                return 302, {"location": joined}, b""
            case "/token":
                form = parse_qs(body.decode())
                self._claims = self._codes.pop(form["code"][0])
                self.sent.append(form)
                if self.fails:
                    return 500, {}, b""
                known = {"access_token": "a-token", "token_type": "bearer", "expires_in": 3600}
                if "nonce" in self._claims:  # it was asked for the scope openid
                    known["id_token"] = self._id_token(self._claims)
            case "/userinfo":
                known = self._claims
            case "/keys":
                known = {"keys": [self._key.as_dict(private=False)]}
            case _:
                return 404, {}, b""
        return 200, {"content-type": "application/json"}, json.dumps(known).encode()

    def _id_token(self, claims: dict[str, str]) -> str:
        now = int(time.time())
        about = {"iss": self.url, "aud": CLIENT, "iat": now, "exp": now + 3600}
        return jwt.encode({"alg": "RS256", "kid": "1"}, {**about, **claims}, self._key)


class Visitor:
    """A browser of the page at `url`, which is a Space's and calls itself https://HOST; cookies are sent by hand."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._client = httpx.Client(trust_env=False, timeout=60)
        self.cookie = ""

    def get(self, path: str) -> httpx.Response:
        """A page, with the session's cookie, which is renewed."""
        response = self._client.get(self._url + path, headers={"cookie": self.cookie})
        if found := re.match(r"session=[^;]+", response.headers.get("set-cookie", "")):
            self.cookie = found.group()
        return response

    def sign_in(self, account: str, target: str = "/") -> httpx.Response:
        """Goes to the provider and back; returns the page's last response."""
        asked = self.get(f"/login/huggingface?{urlencode({'_target_url': target})}")
        back = self._client.get(asked.headers["location"], headers={"cookie": f"account={account}"})
        own = urlsplit(back.headers["location"])
        return self.get(f"{own.path}?{own.query}")

    def call(self, name: str, *arguments: object, session: str = "a-session") -> Any:
        """The result of a named endpoint, or its error."""
        start = f"{self._url}/gradio_api/call/{name}"
        body = {"data": list(arguments), "session_hash": session}
        event = self._client.post(start, json=body, headers={"cookie": self.cookie}).json()["event_id"]
        stream = self._client.get(f"{start}/{event}", headers={"cookie": self.cookie}).text
        return json.loads(stream.rsplit("data: ", 1)[1])
