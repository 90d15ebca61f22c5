"""Tests of who is let in: the rules as functions."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from audio_tools.errors import ConfigError
from audio_tools.server.access_rules import (
    LOOPBACK_HOSTS,
    AccessError,
    AccessRules,
    Claims,
    host_is_ours,
    judge,
    origin_is_allowed,
)
from audio_tools.server_process import ServerProcess
from audio_tools.settings import Settings

TOKEN = "0123456789abcdef-the.token~"
OPEN = AccessRules(ports=(3001, 3002))
LOCKED = AccessRules(ports=(3001, 3002), token=TOKEN)
EVIL = "https://evil.example"
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def claims(
    *origins: str,
    host: str = "127.0.0.1:3001",
    token: str | None = None,
    method: str = "GET",
    path: str = "/jobs",
    fetch: tuple[str, str, str] = ("", "", ""),
    asks: tuple[str, str] = ("", ""),
    websocket: bool = False,
) -> Claims:
    return Claims(
        hosts=(host,),
        method=method,
        path=path,
        origins=origins,
        fetch_site=fetch[0],
        fetch_mode=fetch[1],
        fetch_dest=fetch[2],
        asks_method=asks[0],
        asks_headers=asks[1],
        tokens=() if token is None else (token.encode(),),
        websocket=websocket,
    )


def verdict(rules: AccessRules, request: Claims) -> str:
    try:
        return "authorized" if judge(rules, request) else "unauthorized, passes"
    except AccessError as error:
        return error.code


@pytest.mark.parametrize(
    ("text", "ours"),
    [
        ("127.0.0.1:3001", True),
        ("localhost:3002", True),
        ("LocalHost:3001", True),
        ("[::1]:3001", True),
        ("studio.example", True),
        ("STUDIO.example:8443", True),
        ("127.0.0.1", False),
        ("127.0.0.1:3003", False),
        ("127.0.0.1:03001", False),
        ("127.0.0.1:99999", False),
        ("127.0.0.1:3001:3001", False),
        ("127.0.0.1:", False),
        ("127.0.0.2:3001", False),
        ("0.0.0.0:3001", False),
        ("2130706433:3001", False),
        ("::1:3001", False),
        ("[::ffff:127.0.0.1]:3001", False),
        ("localhost.:3001", False),
        ("localhost.evil.example:3001", False),
        ("evil.example:3001", False),
        ("studio.example.evil.example", False),
        ("user@127.0.0.1:3001", False),
        ("127.0.0.1:3001/", False),
        ("127.0.0.1:3001\n", False),
        (" 127.0.0.1:3001", False),
        ("127.0.0.1:3001, evil.example", False),
        ("", False),
    ],
)
def test_host_is_ours(text: str, ours: bool) -> None:
    """A loopback name counts with one of our ports only, a configured name with any."""
    rules = AccessRules(ports=(3001, 3002), hosts=("studio.example",))

    assert host_is_ours(rules, text, "http") is ours


@pytest.mark.parametrize(
    ("scheme", "port", "ours"),
    [("http", 80, True), ("ws", 80, True), ("https", 443, True), ("http", 443, False), ("https", 80, False)],
)
def test_a_host_without_a_port_means_the_schemes_own(scheme: str, port: int, ours: bool) -> None:
    """Browsers leave out 80 and 443."""
    assert host_is_ours(AccessRules(ports=(port,)), "localhost", scheme) is ours


@pytest.mark.slow
@UNHURRIED
@given(st.from_regex(r"[a-z0-9.:\[\]@-]{0,30}", fullmatch=True))
@example("127.0.0.1:3001")
@example("localhost:3001.")
def test_no_other_host_is_ours(text: str) -> None:
    """Whatever a rebound name looks like, only the six spellings of our addresses pass."""
    spellings = {f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]") for port in (3001, 3002)}

    assert host_is_ours(OPEN, text, "http") == (text in spellings)


@pytest.mark.parametrize("hosts", [(), ("127.0.0.1:3001", "127.0.0.1:3001")])
def test_a_request_has_exactly_one_host(hosts: tuple[str, ...]) -> None:
    """None, or two that agree, are refused: two readers may take different ones."""
    assert verdict(LOCKED, Claims(hosts=hosts, tokens=(TOKEN.encode(),))) == "bad_host"


def test_a_foreign_host_is_refused_even_with_the_token() -> None:
    """DNS rebinding makes a page of the same origin; nothing that it sends may matter."""
    assert verdict(LOCKED, claims(host="evil.example:3001", token=TOKEN)) == "host_not_allowed"


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("file://", True),
        ("http://127.0.0.1", True),
        ("http://127.0.0.1:8080", True),
        ("http://localhost:5173", True),
        ("https://localhost", True),
        ("http://[::1]:3001", True),
        ("https://panel.example", True),
        ("null", False),
        ("", False),
        ("*", False),
        ("file:///", False),
        ("file://localhost", False),
        ("http://127.0.0.1.evil.example", False),
        ("http://127.0.0.1:80.evil.example", False),
        ("http://localhost.evil.example", False),
        ("http://evil.example#http://localhost", False),
        ("http://127.0.0.1@evil.example", False),
        ("http://user:pass@127.0.0.1", False),
        ("http://LOCALHOST", False),
        ("HTTP://localhost", False),
        ("http://localhost.", False),
        ("http://localhost/", False),
        ("http://localhost:0", False),
        ("http://localhost:65536", False),
        ("http://localhost:", False),
        ("http://127.1", False),
        ("http://0.0.0.0", False),
        ("http://[::1", False),
        ("http://localhost\n", False),
        ("http://localhost http://evil.example", False),
        ("ftp://localhost", False),
        ("chrome-extension://localhost", False),
        ("https://panel.example:444", False),
        ("http://panel.example", False),
        ("https://sub.panel.example", False),
        ("https://panel.example.evil.example", False),
    ],
)
def test_origin_is_allowed(origin: str, allowed: bool) -> None:
    """Scheme, host and port are compared, each whole."""
    rules = AccessRules(ports=(3001,), allowed_origins=("https://panel.example",))

    assert origin_is_allowed(rules, origin) is allowed


WORDS = ["http", "https", "ftp", "file", "127.0.0.1", "localhost", "[::1]", "evil.example", "null", "80", "0"]
ORIGIN_PARTS = st.sampled_from([*WORDS, "://", "//", *":/.@#?\\ Aⓛ"])


@pytest.mark.slow
@UNHURRIED
@given(st.lists(ORIGIN_PARTS, max_size=8).map("".join) | st.text(max_size=30))
@example("http://localhost:3001")
@example("https://[::1]")
def test_only_loopback_is_allowed_unless_configured(origin: str) -> None:
    """No other text passes, however it is put together."""
    bare = {f"{scheme}://{host}" for scheme in ("http", "https") for host in LOOPBACK_HOSTS}
    head, _, port = origin.rpartition(":")
    with_port = head in bare and port.isascii() and port.isdigit() and port[:1] != "0" and int(port) <= 65535

    assert origin_is_allowed(OPEN, origin) == (origin in {"file://", *bare} or with_port)


@pytest.mark.parametrize(
    ("rules", "request_", "expected"),
    [
        (OPEN, claims(), "authorized"),
        (OPEN, claims("null"), "origin_not_allowed"),
        (OPEN, claims(EVIL), "origin_not_allowed"),
        (OPEN, claims("http://localhost", "http://localhost"), "origin_not_allowed"),
        (OPEN, claims("null", websocket=True), "origin_not_allowed"),
        (AccessRules(ports=(3001,), allowed_origins=("null",)), claims("null"), "authorized"),
        (LOCKED, claims("null", token=TOKEN), "authorized"),
        (LOCKED, claims(EVIL, token=TOKEN), "authorized"),
        (LOCKED, claims(EVIL, token="wrong"), "origin_not_allowed"),
        (LOCKED, claims(EVIL, websocket=True), "origin_not_allowed"),
        (LOCKED, claims(EVIL, path="/health"), "origin_not_allowed"),
    ],
)
def test_origin_and_token(rules: AccessRules, request_: Claims, expected: str) -> None:
    """A foreign page needs an entry in ALLOWED_ORIGINS or the token; without a token set, no token helps."""
    assert verdict(rules, request_) == expected


@pytest.mark.parametrize(
    ("method", "fetch", "expected"),
    [
        ("GET", ("cross-site", "no-cors", "image"), "origin_not_allowed"),
        ("GET", ("cross-site", "no-cors", "script"), "origin_not_allowed"),
        ("GET", ("cross-site", "navigate", "iframe"), "origin_not_allowed"),
        ("POST", ("cross-site", "navigate", "document"), "origin_not_allowed"),
        ("DELETE", ("cross-site", "no-cors", "empty"), "origin_not_allowed"),
        ("GET", ("cross-site", "navigate", "document"), "authorized"),
        ("GET", ("same-origin", "cors", "empty"), "authorized"),
        ("GET", ("same-site", "no-cors", "image"), "authorized"),
        ("POST", ("none", "navigate", "document"), "authorized"),
        ("POST", ("", "", ""), "authorized"),
    ],
)
def test_requests_without_origin(method: str, fetch: tuple[str, str, str], expected: str) -> None:
    """Another site's page may link to us, and no more; what is no browser sends none of these headers."""
    assert verdict(OPEN, claims(method=method, fetch=fetch)) == expected


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (claims(token=TOKEN), "authorized"),
        (claims(), "unauthorized"),
        (claims(token=""), "unauthorized"),
        (claims(token=TOKEN[:-1]), "unauthorized"),
        (claims(token=TOKEN + "x"), "unauthorized"),
        (claims(token=TOKEN.upper()), "unauthorized"),
        (claims("http://localhost:5173"), "unauthorized"),
        (claims(path="/health"), "unauthorized, passes"),
        (claims(path="/health", method="HEAD"), "unauthorized, passes"),
        (claims(path="/health", token=TOKEN), "authorized"),
        (claims(path="/health", method="POST"), "unauthorized"),
        (claims(path="/health/"), "unauthorized"),
        (claims(path="/metrics"), "unauthorized"),
        (claims(path="/docs"), "unauthorized"),
        (claims(method="OPTIONS"), "unauthorized"),
        (claims(websocket=True), "unauthorized, passes"),
        (claims(websocket=True, token=TOKEN), "authorized"),
        (claims(websocket=True, token="wrong"), "unauthorized"),
        (claims(websocket=True, path="/health", token="wrong"), "unauthorized"),
    ],
)
def test_token(request_: Claims, expected: str) -> None:
    """With a token set everything wants it but GET /health, and a WebSocket may say it a message later."""
    assert verdict(LOCKED, request_) == expected


@pytest.mark.parametrize(
    ("origin", "asks", "expected"),
    [
        ("http://localhost:5173", "content-type", "authorized"),
        (EVIL, "authorization, content-type", "authorized"),
        (EVIL, "content-type", "origin_not_allowed"),
    ],
)
def test_preflight_of_a_request_with_token(origin: str, asks: str, expected: str) -> None:
    """A preflight has no token yet: who asks to send one may ask it."""
    request = claims(origin, method="OPTIONS", asks=("post", asks))

    assert verdict(LOCKED, request) == expected


def test_preflight_is_no_way_around_the_origin() -> None:
    """Without an API token, a preflight from a foreign origin is refused even if it asks for the header."""
    assert (
        verdict(OPEN, claims(EVIL, method="OPTIONS", asks=("post", "authorization"))) == "origin_not_allowed"
    )


@pytest.mark.parametrize(
    ("wrong", "variable"),
    [
        ({"hosts": ("studio.example:3001",)}, "ALLOWED_HOSTS"),
        ({"hosts": ("http://studio.example",)}, "ALLOWED_HOSTS"),
        ({"hosts": ("Studio.example",)}, "ALLOWED_HOSTS"),
        ({"hosts": ("*",)}, "ALLOWED_HOSTS"),
        ({"allowed_origins": ("*",)}, "ALLOWED_ORIGINS"),
        ({"allowed_origins": ("panel.example",)}, "ALLOWED_ORIGINS"),
        ({"allowed_origins": ("https://panel.example/",)}, "ALLOWED_ORIGINS"),
        ({"allowed_origins": ("https://panel.example:443",)}, "ALLOWED_ORIGINS"),
        ({"token": "no blanks"}, "API_TOKEN"),
        ({"token": ""}, "API_TOKEN"),
        ({"public": True}, "API_TOKEN"),
    ],
)
def test_rules_that_cannot_be_meant_stop_the_start(wrong: dict[str, object], variable: str) -> None:
    """An entry that matches nothing is an error that names its variable, not a puzzle."""
    with pytest.raises(ConfigError, match=variable):
        AccessRules(ports=(3001,), **wrong)  # type: ignore[arg-type]


def test_rules_do_not_show_the_token() -> None:
    """Who prints or logs the rules gives nothing away."""
    assert TOKEN not in repr(LOCKED)


def test_a_public_address_without_a_token_is_refused_before_anything_is_opened(tmp_path: Path) -> None:
    """The refused service leaves the disk untouched."""
    with pytest.raises(ConfigError, match="API_TOKEN"):
        ServerProcess(Settings(host="0.0.0.0", data_dir=tmp_path / "data"), workers=False, wait_s=None)

    assert list(tmp_path.iterdir()) == []
