"""Translate the errors of the OpenAI SDK into EngineErrors."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from audio_tools.engines.openai.headers import reset_seconds, retry_after_seconds
from audio_tools.errors import (
    BadEngineReply,
    ChunkRefused,
    EngineError,
    EngineRateLimited,
    EngineRefused,
    EngineTimeout,
    EngineUnavailable,
    EngineUnreachable,
    OptionRefused,
)
from audio_tools.network import UNRESOLVED, is_plain_http, is_unresolved
from audio_tools.redaction import redact

if TYPE_CHECKING:
    from openai import APIStatusError

SPENT = {"insufficient_quota", "credit_balance_exhausted", "billing_hard_limit_reached", "billing_not_active"}
"""A 429 that does not pass with time."""

FORM_FIELDS = ("timestamp_granularities", "response_format", "verbose_json")
"""The parameter named by a 400 or 422 when a server does not support the request format: Groq
(groq-python #114) and whisper.cpp-like servers name the field in the message alone."""


PROXY_REFUSAL = re.compile("40[0-9]")
"""Start of the message when a proxy refuses the connection: 403, 407."""
WANTS_TLS = re.compile(r"(?i)http request (was sent )?to (an )?https (port|server)")
"""Reply of nginx and Go to plain HTTP on a TLS port."""
GATEWAY = {502, 503}
"""Statuses of a gateway whose upstream does not respond."""
WRONG_ADDRESS_HINT = "Check OPENAI_BASE_URL: it is the address of the API, which usually ends with /v1."
_CHECK_ADDRESS = "Check OPENAI_BASE_URL, and the proxy if there is one."
HINTS_WITHOUT_RETRY = {
    **dict.fromkeys((301, 302, 303, 305, 306, 307, 308, 410, 421, 426, 501, 505), WRONG_ADDRESS_HINT),
    **dict.fromkeys((405, 407, 431, 451, 508), _CHECK_ADDRESS),
    415: "The server does not accept this audio format: set another one with the option audioFormat.",
    511: "The network requires a login: open a page in a browser, then run the same command again.",
    525: "The TLS connection between Cloudflare and the server failed: check the server's certificate.",
    526: "The certificate of the server behind Cloudflare is not valid.",
}
"""Hints for statuses that do not pass with time, of every request alike."""
CLOUDFLARE_UNREACHED = {521, 522, 523, 530}
"""Statuses of Cloudflare when it cannot connect to the server, which did not get the request."""
GATEWAY_TIMEOUT = {504, 524}
"""Statuses of a gateway or of Cloudflare when the server took too long."""
SAYS_LOADING = re.compile(
    r"(?i)\b(loading|warming up|warm-?up|initiali[sz]ing|starting up|not (yet )?(ready|loaded))\b"
)
"""Messages of servers that are loading a model (llama.cpp, Ollama, Hugging Face, vLLM)."""
SAYS_FAILED = re.compile(r"(?i)\b(fail(ed|ure)|error loading|cannot|can't|could not|unable)\b")
"""Messages of servers that failed to load a model."""
SAYS_NOTHING = re.compile(
    r"(?i)\b(an?|internal|server|error|exception|unknown|unexpected|something|went|wrong|has|occurred|500)\b|[\W_]"
)
"""The words of a 500 without a reason (FastAPI's "Internal Server Error"), to be removed."""
UNREACHABLE_HINT = "Check OPENAI_BASE_URL, the network, and the proxy if there is one."


@contextmanager
def map_openai_errors() -> Iterator[None]:
    """Translate the errors of the SDK and of `asyncio.timeout`."""
    import httpx2
    import openai

    try:
        yield
    except openai.APIStatusError as error:
        raise _status_error(error) from error
    except (openai.APIError, TimeoutError) as error:
        cause = error.__cause__ or error
        if isinstance(cause, httpx2.LocalProtocolError):
            # The original quotes the header, which may be the key: keep it out of tracebacks, too.
            raise EngineRefused(
                "The request cannot be sent: one of its headers is not allowed in HTTP.",
                hint="Check OPENAI_API_KEY: it must be ASCII without spaces or line breaks.",
            ) from None
        late = isinstance(error, openai.APITimeoutError | TimeoutError)
        if late and not isinstance(cause, httpx2.ConnectTimeout):
            raise EngineTimeout(
                "The server did not answer in time.", hint="If this repeats, raise ENGINE_TIMEOUT."
            ) from error
        # Without a connection nothing was sent; a broken connection may have delivered the chunk.
        if hint := _tls_hint(cause):
            raise EngineRefused(f"TLS connection failed: {shorten(str(cause))}.", hint=hint) from error
        if isinstance(cause, httpx2.DecodingError):
            raise BadEngineReply(
                f"The reply cannot be decoded: {shorten(str(cause))}.", hint=_CHECK_ADDRESS
            ) from error
        if isinstance(cause, httpx2.TooManyRedirects | httpx2.UnsupportedProtocol | httpx2.InvalidURL):
            raise EngineRefused(
                f"OPENAI_BASE_URL cannot be used: {shorten(str(cause)).rstrip('.')}.", hint=WRONG_ADDRESS_HINT
            ) from error
        reason = UNRESOLVED if is_unresolved(error) else shorten(str(cause)).rstrip(".") or "no answer"
        said = f"{_server(error)} cannot be reached: {reason}."
        if isinstance(cause, httpx2.ProxyError) and PROXY_REFUSAL.match(str(cause)):
            raise EngineRefused(
                f"The proxy refuses the connection: {shorten(str(cause))}.",
                hint="Check HTTPS_PROXY, including its user name and password, or add the server to "
                "NO_PROXY.",
            ) from error
        if isinstance(cause, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.ProxyError):
            raise EngineUnreachable(said, hint=UNREACHABLE_HINT) from error
        raise EngineUnavailable(said) from error


def _server(error: Exception) -> str:
    """The host and port that a request went to."""
    request = getattr(error, "request", None)
    return "The server" if request is None else f"The server {request.url.netloc.decode()}"


def _tls_hint(cause: BaseException) -> str:
    """Return the hint for a TLS failure, which does not pass with time; empty for other errors."""
    import httpx2

    if not isinstance(cause, httpx2.ConnectError):
        return ""
    text = str(cause).upper().replace(" ", "_")
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return (
            "Set SSL_CERT_FILE to the certificate of the server or of its CA (PEM), or correct the "
            "host in OPENAI_BASE_URL."
        )
    if is_plain_http(text):
        return "The server does not speak TLS: start OPENAI_BASE_URL with http://."
    if "SSL" in text or "TLS" in text:
        return "Check the port in OPENAI_BASE_URL, and which TLS versions the server accepts."
    return ""


def refuses_form(error: APIStatusError) -> bool:
    """Whether the server rejects the request format, not the audio: a simpler format may work."""
    said = f"{error.param} {error.response.text}"
    return error.status_code in {400, 422} and any(field in said for field in FORM_FIELDS)


def _status_error(error: APIStatusError) -> EngineError:
    status, headers = error.status_code, error.response.headers
    # Other servers return lists and objects here.
    names, param = {str(error.code), str(error.type)}, str(error.param)
    said = f"The provider returned {status}: {_provider_message(error)}"
    retry_after_s = retry_after_seconds(headers)
    if status == 413:
        return ChunkRefused(
            said,
            hint="The server, or a proxy in front of it, limits the request size: lower CHUNK_SIZE, or raise "
            "that limit (nginx: client_max_body_size).",
        )
    if status == 400 and WANTS_TLS.search(said):
        return EngineRefused(said, hint="The server speaks TLS: start OPENAI_BASE_URL with https://.")
    if status in {401, 403}:
        return EngineRefused(said, hint="Check OPENAI_API_KEY and OPENAI_BASE_URL.")
    if hint := HINTS_WITHOUT_RETRY.get(status):
        return EngineRefused(said, hint=hint)
    if status == 404:
        # Other servers have no such code; their address may be wrong as well.
        hint = "Check the model's name and OPENAI_BASE_URL."
        if "model_not_found" in names:
            return OptionRefused(said, hint=hint, option="model")
        return EngineRefused(said, hint=hint)
    if status == 402 or (status == 429 and names & SPENT):
        return EngineRefused(
            said,
            hint="The account's quota is used up. Add credit, then run the same command again.",
            restartable=True,
        )
    if status == 429:
        # Without Retry-After, use the end of the window; it is meaningless for other errors.
        return EngineRateLimited(said, retry_after_s=retry_after_s or reset_seconds(headers) or None)
    if status in {408, 409} or status >= 500:
        return _server_error(error, said, retry_after_s)
    if refuses_form(error):
        return EngineRefused(said, hint="Set OPENAI_RESPONSE_FORMAT to a format that the provider accepts.")
    if param in {"model", "language", "prompt"}:
        return OptionRefused(said, hint=f"The provider does not accept this {param}.", option=param)
    return ChunkRefused(
        said, hint="Repeating it will not help: check the server's log, the model and OPENAI_BASE_URL."
    )


def _server_error(error: APIStatusError, said: str, retry_after_s: float | None) -> EngineError:
    """An error that may pass with time: of the server, or of a gateway in front of it."""
    status = error.status_code
    if status in GATEWAY_TIMEOUT:
        return EngineTimeout(
            said,
            hint="A proxy in front of the server timed out: raise its timeout (nginx: "
            "proxy_read_timeout), or lower CHUNK_SIZE.",
            retry_after_s=retry_after_s,
        )
    # Some answer 500 while they load the model.
    loading = status >= 500 and bool(SAYS_LOADING.search(said)) and not SAYS_FAILED.search(said)
    own_page = status in GATEWAY and not loading and not isinstance(error.body, Mapping)
    if own_page or status in CLOUDFLARE_UNREACHED:
        # A proxy's own page: the engine behind it is away, or about to start.
        hint = "Start the engine behind the proxy, or correct OPENAI_BASE_URL."
        return EngineUnavailable(said, hint=hint, received=status == 502, away=True)
    # A server refuses with 503 before it processes anything, and gives the reason for most failures.
    perhaps_loading = status == 503 or (status == 500 and not _gives_reason(error))
    return EngineUnavailable(
        said,
        hint="The reply gives no reason: see the log of the server."
        if status == 500 and perhaps_loading
        else "",
        retry_after_s=retry_after_s,
        received=status != 503 and not loading,
        away=None if perhaps_loading else False,
        loading=loading,
    )


def _gives_reason(error: APIStatusError) -> bool:
    body = error.body
    said = body.get("message", body.get("detail", body.get("error"))) if isinstance(body, Mapping) else body
    page = isinstance(said, str) and said.lstrip().startswith("<")
    return isinstance(said, str) and not page and bool(SAYS_NOTHING.sub("", said))


def _provider_message(error: APIStatusError) -> str:
    body = error.body
    if isinstance(body, Mapping) and isinstance(body.get("message"), str):
        return shorten(body["message"])
    return shorten(error.response.text) or error.response.reason_phrase


def shorten(text: str, length: int = 300) -> str:
    """Return the text on one line, redacted and then truncated: a part of a key is not recognised."""
    line = redact(" ".join(text.split()))
    return line if len(line) <= length else line[: length - 1] + "…"
