"""Who may ask."""

from __future__ import annotations

import re

import pytest

from bids_deface.review.app import STATIC
from tests.review.conftest import PASSED, TOKEN

ADDRESSES = [
    "/", "/static/main.js", "/static/page.css", "/api/choices", "/api/folder", "/api/runs",
    "/api/runs/20260101T000000-00000000/events", "/api/review", "/api/voxels", "/none",
]  # fmt: skip
CHANGES = [
    "/api/plan", "/api/runs", "/api/runs/20260101T000000-00000000/cancel", "/api/decision",
    "/api/release", "/api/correction", "/api/labels", "/api/redo",
]  # fmt: skip


@pytest.mark.parametrize("address", ADDRESSES)
def test_nothing_is_told_without_the_token(stranger, address):
    answer = stranger.get(address)
    assert answer.status_code == 401
    assert "token" in answer.text
    assert "bids_deface" not in answer.text


def test_a_wrong_token_opens_nothing(stranger):
    assert stranger.get("/", params={"token": "wrong"}).status_code == 401
    assert stranger.get("/", params={"token": ""}).status_code == 401
    assert not stranger.cookies
    stranger.cookies.set("bids-deface-8765", TOKEN)
    assert stranger.get("/").status_code == 401, "the token itself is no cookie"
    stranger.cookies.clear()
    assert stranger.get("/api/runs", params={"token": TOKEN}).status_code == 401


def test_the_token_becomes_a_cookie_that_scripts_and_other_pages_do_not_get(stranger):
    answer = stranger.get("/", params={"token": TOKEN})
    cookie = answer.headers["set-cookie"]
    assert re.search(r"; httponly", cookie, re.IGNORECASE)
    assert re.search(r"; samesite=strict", cookie, re.IGNORECASE)
    assert "domain" not in cookie.lower()
    assert TOKEN not in cookie + answer.text
    assert stranger.get("/").status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8765", "127.0.0.1.evil.example", "", "localhost.evil", "[::1",
     "192.168.1.2", "0.0.0.0"],
)  # fmt: skip
def test_a_name_that_is_not_this_machine_s_is_refused(user, host):
    for address in ("/", "/api/runs"):
        answer = user.get(address, headers={"host": host, "origin": f"http://{host}"})
        assert answer.status_code == 421
    assert user.get(f"/?token={TOKEN}", headers={"host": host}).status_code == 421


@pytest.mark.parametrize("host", ["localhost:8765", "127.0.0.1:9999", "[::1]:8765", "LOCALHOST"])
def test_a_tunnel_may_end_at_another_port(user, host):
    answer = user.get("/api/runs", headers={"host": host, "origin": f"http://{host}"})
    assert answer.status_code in {200, 401}, "the cookie is for another name, the host is fine"


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "null", "http://127.0.0.1:9999", "https://127.0.0.1:8765",
     "http://localhost:8765", ""],
)  # fmt: skip
def test_another_page_may_not_ask(user, origin):
    for address in CHANGES:
        assert user.post(address, json={}, headers={"origin": origin}).status_code == 403
    assert user.get("/api/runs", headers={"origin": origin}).status_code == 403


def test_a_change_needs_an_origin(user):
    del user.headers["origin"]
    assert user.get("/api/runs").status_code == 200
    for address in CHANGES:
        assert user.post(address, json={}).status_code == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_what_a_browser_says_of_where_a_request_began_counts(user, site):
    del user.headers["origin"]
    assert user.get("/api/runs", headers={"sec-fetch-site": site}).status_code == 403
    link = {"sec-fetch-site": site, "sec-fetch-mode": "navigate"}
    assert user.get("/", headers=link).status_code == 200
    assert user.get("/api/runs", headers=link).status_code == 403


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
@pytest.mark.parametrize("address", ["/", "/api/runs", "/api/voxels", "/static/main.js"])
def test_other_methods_do_nothing(user, method, address):
    assert user.request(method, address).status_code == 405


def test_reading_addresses_take_no_changes_and_the_other_way_round(user):
    assert user.post("/api/voxels", json={}).status_code == 405
    assert user.get("/api/release").status_code == 405


def test_forms_of_other_kinds_are_refused(user):
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        answer = user.post("/api/plan", content="{}", headers={"content-type": kind})
        assert answer.status_code == 400
    assert user.post("/api/plan", json=[]).status_code == 400
    deep = "[" * 100_000
    head = {"content-type": "application/json"}
    assert user.post("/api/plan", content=deep, headers=head).status_code == 400
    assert user.post("/api/plan", content=b" " * 1_000_001, headers=head).status_code == 400


@pytest.mark.parametrize("address", ["/", "/static/main.js", "/api/runs", "/api/voxels", "/none"])
@pytest.mark.parametrize("known", [True, False])
def test_every_answer_forbids_what_it_can(user, address, known):
    if not known:
        user.cookies.clear()
    headers = user.get(address).headers
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "access-control-allow-origin" not in headers
    rules = dict(rule.split(" ", 1) for rule in headers["content-security-policy"].split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == "'self'"
    assert rules["connect-src"] == "'self' blob: data:"
    assert rules["frame-ancestors"] == "'none'"
    assert "unsafe" not in headers["content-security-policy"]
    assert "http" not in headers["content-security-policy"]


def test_an_original_is_handed_out_as_it_is_and_never_kept(user, both):
    asked = {**both, "source": PASSED, "part": "original"}
    answer = user.get("/api/voxels", params=asked)
    assert answer.content == f"original {PASSED}".encode()
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"] == "application/octet-stream"
    user.cookies.clear()
    assert user.get("/api/voxels", params=asked).status_code == 401


def test_the_page_names_no_other_place():
    names = re.compile(r"""(?:src|href)="(?!/static/|#|data:,)[^"]+""")
    assert names.findall((STATIC / "index.html").read_text()) == []
    assert not re.search(r"<script(?![^>]* src=)| on\w+=", (STATIC / "index.html").read_text())
    assert "url(" not in (STATIC / "page.css").read_text()


def test_remote_names_count_only_where_they_were_allowed(place, tmp_path):
    from starlette.testclient import TestClient

    from bids_deface.review.app import make_app
    from bids_deface.review.roots import Roots

    app = make_app(Roots.of([place]), tmp_path, TOKEN, 8765, ["0.0.0.0", "box.lan"])
    for host, status in {"box.lan": 401, "10.1.2.3:8765": 401, "evil.example": 421}.items():
        assert TestClient(app, base_url=f"http://{host}").get("/").status_code == status
