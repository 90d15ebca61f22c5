"""Access rules: Host, Origin and token (docs/security.md); applied by `middleware/access_control.py`."""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from starlette.types import Scope

from audio_tools.errors import AudioToolsError, ConfigError
from audio_tools.server.media_tickets import ticket_is_valid

SUBPROTOCOL = "audio-tools"
"""Subprotocol that a browser offers beside `bearer.TOKEN`: the server must select one, but not the token."""
PAGE_FILES = "/page/"
"""Path of the files of the page at `/`."""
LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "[::1]"})
DEFAULT_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}
UNRESERVED = re.compile(r"[A-Za-z0-9._~-]+")
"""Characters valid in a header, a WebSocket subprotocol and a query."""
_HOST = r"(\[[0-9a-f:.]+\]|[a-z0-9_](?:[a-z0-9._-]*[a-z0-9_])?)(?::([1-9][0-9]{0,4}))?"
HOST = re.compile(_HOST)
EVENT_STREAM = re.compile(r"/job/[^/]+/events")
"""Path of the server-sent events of a job."""
ORIGIN = re.compile(rf"([a-z][a-z0-9+.-]*)://{_HOST}")


class AccessError(AudioToolsError):
    """The request breaks the access rule `rule`; `setting` names the setting that allows it."""

    code, status = "forbidden", 403
    rule, setting = "", ""

    def facts(self) -> dict[str, object]:
        return {"rule": self.rule, "setting": self.setting}


class HostNotAllowed(AccessError):
    """The Host header is unknown: DNS rebinding, or a name that is not configured."""

    code, rule, setting = "host_not_allowed", "host", "ALLOWED_HOSTS"


class BadHost(HostNotAllowed):
    """There is no Host header, or more than one (RFC 9112, section 3.2: 400)."""

    code, status = "bad_host", 400


class OriginNotAllowed(AccessError):
    """The request comes from a web page whose origin is not allowed."""

    code, rule, setting = "origin_not_allowed", "origin", "ALLOWED_ORIGINS"


class Unauthorized(AccessError):
    """The token is missing or wrong."""

    code, status, rule, setting = "unauthorized", 401, "token", "API_TOKEN"


@dataclass(frozen=True, slots=True)
class AccessRules:
    """
    The access rules of the server.

    Args:
        ports: listening ports; a loopback name is accepted only with one of them.
        hosts: further host names of the server, in lower case, without a port.
        allowed_origins: web origins besides loopback, as a browser writes them; `null` is one.
        token: the API token that every request must send, None for no token.
        public: whether other machines can reach the listening address.

    Raises:
        ConfigError: an entry can never match, is `*`, or a public address has no token.
    """

    ports: tuple[int, ...]
    hosts: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    token: str | None = field(default=None, repr=False)
    public: bool = False

    def __post_init__(self) -> None:
        for name in self.hosts:
            if (parsed := parse_host(name)) is None or parsed.port is not None:
                raise _wrong_entry("ALLOWED_HOSTS", name, "a name in lower case without scheme and port")
        for name in self.allowed_origins:
            origin = parse_origin(name)
            # Browsers omit the default port of a scheme.
            usual = origin is not None and origin.port == DEFAULT_PORTS.get(origin.scheme, 0)
            if name not in {"null", "file://"} and (origin is None or usual):
                raise _wrong_entry("ALLOWED_ORIGINS", name, "like https://panel.example.com, or null")
        if self.token is not None and not UNRESERVED.fullmatch(self.token):
            raise ConfigError(
                "API_TOKEN may contain only letters, digits and - . _ ~",
                hint="Generate one with: openssl rand -hex 32",
            )
        if self.public and self.token is None:
            raise ConfigError(
                "HOST accepts connections from other machines, but API_TOKEN is not set.",
                hint="Set API_TOKEN (openssl rand -hex 32), or HOST=127.0.0.1.",
            )


@dataclass(frozen=True, slots=True)
class Claims:
    """Host, origin and credentials of a request. `tokens`: all tokens that it presents, in any place."""

    hosts: tuple[str, ...]
    method: str = "GET"
    path: str = "/"
    scheme: str = "http"
    origins: tuple[str, ...] = ()
    fetch_site: str = ""
    fetch_mode: str = ""
    fetch_dest: str = ""
    asks_method: str = ""
    asks_headers: str = ""
    tokens: tuple[bytes, ...] = ()
    query: bytes = b""
    websocket: bool = False

    @property
    def is_preflight(self) -> bool:
        """Whether the request is a CORS preflight; tus clients send other OPTIONS requests."""
        return self.method == "OPTIONS" and bool(self.origins) and bool(self.asks_method)

    @classmethod
    def of(cls, scope: Scope) -> Claims:
        """The claims of an ASGI `http` or `websocket` scope."""
        values: dict[bytes, list[str]] = {}
        for name, value in scope["headers"]:
            values.setdefault(name, []).append(value.decode("latin-1"))

        def text(name: bytes) -> str:
            return ",".join(values.get(name, ())).lower()

        return cls(
            hosts=tuple(values.get(b"host", ())),
            method=scope.get("method", "GET"),
            path=scope["path"],
            scheme=scope.get("scheme", "http"),
            origins=tuple(values.get(b"origin", ())),
            fetch_site=text(b"sec-fetch-site"),
            fetch_mode=text(b"sec-fetch-mode"),
            fetch_dest=text(b"sec-fetch-dest"),
            asks_method=text(b"access-control-request-method"),
            asks_headers=text(b"access-control-request-headers"),
            tokens=tuple(_tokens(scope, values.get(b"authorization", ()))),
            query=scope.get("query_string", b""),
            websocket=scope["type"] == "websocket",
        )


class Host(NamedTuple):
    """A parsed Host header; `port` None if it names none."""

    name: str
    port: int | None


class Origin(NamedTuple):
    """A parsed web origin; `port` None if it is the scheme's own."""

    scheme: str
    host: str
    port: int | None


def parse_host(text: str) -> Host | None:
    """`name`, `name:port` or `[address]:port` in lower case; None for anything else."""
    match = HOST.fullmatch(text)
    if match is None or int(match[2] or 1) > 65535:
        return None
    return Host(match[1], int(match[2]) if match[2] else None)


def parse_origin(text: str) -> Origin | None:
    """`scheme://host[:port]` in lower case, and nothing before, between or after; None for anything else."""
    match = ORIGIN.fullmatch(text)
    if match is None or int(match[3] or 1) > 65535:
        return None
    return Origin(match[1], match[2], int(match[3]) if match[3] else None)


def host_is_ours(rules: AccessRules, text: str, scheme: str) -> bool:
    """Whether a Host header names this server. Case-insensitive; a configured name matches any port."""
    host = parse_host(text.lower())
    if host is None:
        return False
    port = DEFAULT_PORTS.get(scheme) if host.port is None else host.port
    return host.name in rules.hosts or (host.name in LOOPBACK_HOSTS and port in rules.ports)


def origin_is_allowed(rules: AccessRules, text: str) -> bool:
    """Whether pages of this origin may call without a token: `file://`, loopback, configured ones."""
    if text == "file://" or text in rules.allowed_origins:
        return True
    origin = parse_origin(text)
    return origin is not None and origin.scheme in {"http", "https"} and origin.host in LOOPBACK_HOSTS


def token_is_valid(rules: AccessRules, tokens: Iterable[bytes]) -> bool:
    """Whether one of `tokens` is the API token, compared in constant time."""
    wanted = (rules.token or "").encode()
    return rules.token is not None and any(hmac.compare_digest(wanted, token) for token in tokens)


def judge(rules: AccessRules, claims: Claims) -> bool:
    """
    Check a request against the rules.

    Returns:
        Whether the client is authorized. False is returned in three cases: GET `/health`, which then returns
        only the status; the files of the page, which contain no data; and a WebSocket without credentials,
        whose first message must contain the token.

    Raises:
        BadHost, HostNotAllowed, OriginNotAllowed, Unauthorized: the first rule that the request breaks.
    """
    _check_host(rules, claims)
    if not (valid := token_is_valid(rules, claims.tokens)):
        _check_origin(rules, claims)
    if rules.token is None or valid or claims.is_preflight:
        return True
    may_wait = claims.websocket and not claims.tokens
    reads = claims.method in {"GET", "HEAD"} and not claims.websocket
    if may_wait or (reads and _is_public(claims.path)):
        return False
    if reads and ticket_is_valid(rules.token, claims.path, claims.query):
        return True
    raise Unauthorized(
        "Invalid API token." if claims.tokens else "API token required.",
        hint="Send the header `Authorization: Bearer <API_TOKEN>`; "
        f'in a browser: new WebSocket(url, ["{SUBPROTOCOL}", "bearer." + token]).',
    )


def _is_public(path: str) -> bool:
    return path in {"/", "/health"} or path.startswith(PAGE_FILES)


def _check_host(rules: AccessRules, claims: Claims) -> None:
    if len(claims.hosts) != 1:
        raise BadHost("A request must have exactly one Host header.", hint="Send one Host header.")
    if not host_is_ours(rules, claims.hosts[0], claims.scheme):
        raise HostNotAllowed(
            f"Unknown host name: {_quoted(claims.hosts[0])}.",
            hint=f"Call http://127.0.0.1:{rules.ports[0]}, or add the name to ALLOWED_HOSTS.",
        )


def _check_origin(rules: AccessRules, claims: Claims) -> None:
    if not claims.origins:
        _check_fetch_metadata(claims)
        return
    if len(claims.origins) == 1 and origin_is_allowed(rules, claims.origins[0]):
        return
    # A preflight never carries the token. Allowing it is safe, since the request itself is checked next.
    if claims.is_preflight and rules.token is not None and "authorization" in claims.asks_headers:
        return
    origin = ", ".join(claims.origins)
    raise OriginNotAllowed(
        f"Origin not allowed: {_quoted(origin)}.",
        hint=f"Add {_quoted(origin)} to ALLOWED_ORIGINS, or set API_TOKEN and send the token. "
        "`null` is the origin of pages opened from a file, but also of sandboxed frames on any web page.",
    )


def _check_fetch_metadata(claims: Claims) -> None:
    """
    Check a request without Origin by `Sec-Fetch-Site`, which only browsers send.

    Links from other sites are allowed. Subresources (images, scripts, frames) of other sites are not: the
    site could not read them, but could infer from size, timing and success which jobs exist.
    """
    into_window = (claims.fetch_mode, claims.fetch_dest) == ("navigate", "document")
    if claims.fetch_site == "cross-site" and not (into_window and claims.method in {"GET", "HEAD"}):
        raise OriginNotAllowed(
            "Cross-site requests are not allowed (Sec-Fetch-Site: cross-site).",
            hint="Use fetch() with CORS, whose Origin can be added to ALLOWED_ORIGINS, or send the token.",
        )


def _tokens(scope: Scope, authorizations: Iterable[str]) -> Iterable[bytes]:
    for value in authorizations:
        scheme, _, token = value.partition(" ")
        if scheme.lower() == "bearer":
            yield token.strip().encode("latin-1")
    if scope["type"] == "websocket":
        for name in scope.get("subprotocols", ()):
            if name.startswith("bearer."):
                yield name.removeprefix("bearer.").encode("latin-1", "replace")
    if takes_query_token(scope):
        for part in scope["query_string"].split(b"&"):
            if part.startswith(b"token="):
                yield unquote_to_bytes(part.removeprefix(b"token="))


def takes_query_token(scope: Scope) -> bool:
    """Whether `?token=` counts: browsers can send WebSockets and EventSource no header."""
    return scope["type"] == "websocket" or EVENT_STREAM.fullmatch(scope["path"]) is not None


def _wrong_entry(setting: str, entry: str, wanted: str) -> ConfigError:
    every = "; wildcards are not supported, since they would allow every web page" if entry == "*" else ""
    return ConfigError(
        f"{setting} contains {entry!r}, which matches nothing{every}.",
        hint=f"Write each entry {wanted}.",
    )


def _quoted(text: str) -> str:
    return text[:200] if text.isprintable() else repr(text[:200])
