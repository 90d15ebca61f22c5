"""Proxies and certificates of the environment, and the reasons for failed connections."""

from __future__ import annotations

import ipaddress
import os
import socket
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from audio_tools.errors import EngineNotReady

PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
PROXY_SCHEMES = {"http", "https", "socks5", "socks5h"}
CERTIFICATE_VARIABLES = {"SSL_CERT_FILE": Path.is_file, "SSL_CERT_DIR": Path.is_dir}
PLAIN_HTTP_SIGNS = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG")
"""OpenSSL's error, by version, for a reply that is not TLS."""
UNRESOLVED = "the host name cannot be resolved"
"""Reason for a failed connection; the name is that of the server, or of its proxy."""
REASONS: dict[type[OSError], str] = {
    ConnectionRefusedError: "connection refused",
    ConnectionResetError: "connection reset by peer",
    TimeoutError: "connection timed out",
}
"""By kind of error: on Windows `os.strerror` has no text for the numbers of the network."""


def is_loopback(url: str) -> bool:
    """Whether the address is on this machine, which no proxy can reach for us."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def direct_mounts(url: str) -> dict[str, Any]:
    """The `mounts` of an HTTP client that reaches `url` without a proxy if it is on this machine."""
    host = urlsplit(url).hostname or ""
    name = f"[{host}]" if ":" in host else host
    return {f"all://{name}": None} if is_loopback(url) else {}


def require_network_environment() -> None:
    """
    Check the variables that the HTTP library reads.

    Raises:
        EngineNotReady: one of them names a proxy of an unknown kind, or a certificate that is not there.
    """
    for name in (*PROXY_VARIABLES, *map(str.lower, PROXY_VARIABLES)):
        value = os.environ.get(name, "")
        scheme = value.partition("://")[0].lower() if "://" in value else "http"
        if value and scheme not in PROXY_SCHEMES:
            raise EngineNotReady(
                f"{name} is {value}: {scheme} proxies are not supported.",
                hint=f"Use one of {', '.join(sorted(PROXY_SCHEMES))}, or unset {name}.",
            )
    for name, exists in CERTIFICATE_VARIABLES.items():
        value = os.environ.get(name, "")
        if value and not exists(Path(value)):
            raise EngineNotReady(
                f"{name} is {value}, which does not exist.",
                hint=f"Set {name} to the path of certificates in PEM format, or unset it.",
            )


def system_error(error: BaseException) -> OSError | None:
    """The operating system's error that caused an error of an HTTP library; None: there is none."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return cause
        cause = cause.__cause__ or cause.__context__
    return None


def is_unresolved(error: BaseException) -> bool:
    """Whether a connection failed because the name of the host has no address."""
    return isinstance(system_error(error), socket.gaierror)


def failure_reason(error: BaseException) -> str:
    """Why a connection failed, in one clause without a full stop."""
    cause = system_error(error)
    if isinstance(cause, socket.gaierror):
        return UNRESOLVED  # its errno is not one of the system's
    if cause is None or isinstance(cause, ssl.SSLError) or cause.filename is not None or not cause.errno:
        return str(error).rstrip(".") or type(error).__name__
    # asyncio and redis-py have sentences of their own, with the address in them.
    reason = next(
        (name for kind, name in REASONS.items() if isinstance(cause, kind)), os.strerror(cause.errno)
    )
    return reason[0].lower() + reason[1:]


def is_plain_http(tls_error: str) -> bool:
    """Whether a TLS connection failed because the server replied without TLS; by OpenSSL's message."""
    text = tls_error.upper().replace(" ", "_")
    return any(sign in text for sign in PLAIN_HTTP_SIGNS)
