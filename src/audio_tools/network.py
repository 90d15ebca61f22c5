"""Proxies and certificates of the environment: which apply, and which are refused by name."""

from __future__ import annotations

import ipaddress
import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from audio_tools.errors import EngineNotReady

PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
PROXY_SCHEMES = {"http", "https", "socks5", "socks5h"}
CERTIFICATE_VARIABLES = {"SSL_CERT_FILE": Path.is_file, "SSL_CERT_DIR": Path.is_dir}


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
