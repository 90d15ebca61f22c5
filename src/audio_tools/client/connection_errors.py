"""Why the service cannot be reached, in a sentence, and what to do about it."""

from __future__ import annotations

import ssl

from audio_tools.errors import ServerUnreachable
from audio_tools.network import failure_reason, is_plain_http, system_error


def unreachable(server: str, error: Exception, hint: str) -> ServerUnreachable:
    """The error for a failed connection to `server`; `hint` is for failures without a hint of their own."""
    cause = system_error(error)
    if isinstance(cause, ssl.SSLError):
        reason, hint = _tls_failure(server, cause, hint)
    else:
        reason = failure_reason(error)
    return ServerUnreachable(f"Cannot reach {server}: {reason}.", hint=hint)


def _tls_failure(server: str, error: ssl.SSLError, hint: str) -> tuple[str, str]:
    """Return reason and hint; the errno of a TLS error is not one of the system's."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"its certificate is not trusted: {error.verify_message.rstrip('.')}",
            "Set SSL_CERT_FILE to the certificate of the service or of its CA (PEM).",
        )
    if is_plain_http(str(error)):
        plain = f"http://{server.partition('://')[2]}"
        return "it speaks plain HTTP, not TLS", f"Start the address with http://: {plain}"
    return f"TLS connection failed: {error.reason or error.strerror}", hint
