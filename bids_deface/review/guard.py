"""Who may ask: host, origin and token of each request, and what each answer forbids."""

from __future__ import annotations

import hmac
import ipaddress
import secrets
from collections.abc import Iterable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: Names of this machine that no other machine can have.
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
SAFE_METHODS = frozenset({"GET", "HEAD"})
#: The viewer makes its pictures and unpacks files in memory: blob. Nothing comes from elsewhere.
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "connect-src 'self' blob: data:",
        "font-src 'self' data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
#: Asks for the page anew from within it: a cookie of this kind is not sent on a redirect that
#: began at a link elsewhere.
ENTER = (
    '<!doctype html><meta http-equiv="refresh" content="0;url=/"><link rel="icon" href="data:,">'
    "<title>bids-deface</title>"
)


class Guard:
    """Lets only those in who came with the token, from this page, by this machine's name.

    Parameters
    ----------
    app
        What answers those who may ask.
    token
        Secret in the address that the program prints.
    port
        Where the page is served; the cookie's name tells it, since browsers send cookies to all
        ports of a machine.
    hosts
        More names by which the page may be asked for. Numeric addresses are accepted where there
        are any: a name that an attacker points here is never one.
    """

    def __init__(self, app: ASGIApp, token: str, port: int, hosts: Iterable[str] = ()) -> None:
        self._app, self._token = app, token
        self._session = secrets.token_urlsafe(32)
        self._cookie = f"bids-deface-{port}"
        self._hosts = frozenset(host.lower() for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            # There are no web sockets here.
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                headers["Cache-Control"] = "no-store"
            await send(message)

        answer = self._refusal(scope) or self._entrance(scope)
        await (answer or self._app)(scope, receive, guarded)

    def _refusal(self, scope: Scope) -> Response | None:
        """Return why a request is refused whoever asks; None where it is not."""
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if not self._is_own(host):
            return PlainTextResponse("This page answers to this machine's own name only.", 421)
        origin = headers.get("origin")
        # Browsers name the page that asks whenever something is to be changed.
        needed = scope["method"] not in SAFE_METHODS
        if (needed or origin is not None) and origin != f"{scope['scheme']}://{host}":
            return PlainTextResponse("Another page may not ask for this.", 403)
        site = headers.get("sec-fetch-site", "same-origin")
        is_link = headers.get("sec-fetch-mode") == "navigate" and scope["path"] == "/"
        if site not in {"same-origin", "none"} and not is_link:
            return PlainTextResponse("Another page may not ask for this.", 403)
        return None

    def _is_own(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        if name in LOOPBACK or name in self._hosts:
            return True
        return bool(self._hosts) and _is_address(name)

    def _entrance(self, scope: Scope) -> Response | None:
        """Return what those get who bring the token or nothing; None for those who are known."""
        query = parse_qs(scope["query_string"].decode("latin-1"))
        if scope["path"] == "/" and scope["method"] == "GET" and "token" in query:
            if not _same(query["token"][0], self._token):
                return PlainTextResponse(
                    "This address is of an earlier start; use the new one.", 401
                )
            answer = HTMLResponse(ENTER)
            answer.set_cookie(self._cookie, self._session, httponly=True, samesite="strict")
            return answer
        if not _same(self._brought(scope), self._session):
            return PlainTextResponse(
                "Open the address that bids-deface-ui printed, with its token.", 401
            )
        return None

    def _brought(self, scope: Scope) -> str:
        jar: SimpleCookie = SimpleCookie()
        try:
            jar.load(Headers(scope=scope).get("cookie", ""))
        except CookieError:
            return ""
        return jar[self._cookie].value if self._cookie in jar else ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())
