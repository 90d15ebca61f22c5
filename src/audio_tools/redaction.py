"""Removes secrets from text that leaves the process: log lines, error messages, answers, stored errors."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable
from urllib.parse import quote

REDACTED = "[redacted]"
SECRET_FORMS = [
    # A query or a setting: ?token=…, ?ticket=…, API_TOKEN=…
    re.compile(r"(?i)(token=|ticket=|api_?key=|password=)[^\s&\"'\\\x1b]+"),
    # A header, a subprotocol (`bearer.…`), and how either looks in a list of headers.
    re.compile(r"(?i)(\bbearer[ .]|\bauthorization\W{1,8}[a-z]+ )[\w.~+/=-]+"),
    # JSON and dicts, be they quoted inside a JSON string themselves.
    re.compile(r"(?i)(\\?[\"'](?:api_?)?(?:token|key|password)\\?[\"']: ?\\?[\"'])[^\"'\\]+"),
    # The password of an address: redis://user:…@host
    re.compile(r"(://[^\s/:@]*:)(?!PASSWORD@)[^\s/@]+(?=@)"),
    # Keys of OpenAI, Groq, Hugging Face, Replicate, Fireworks, xAI, NVIDIA, Perplexity, Google, AWS and
    # Databricks, and tokens of JWT.
    re.compile(r"(\bsk[-_])[\w-]{8,}"),
    re.compile(r"(\b(?:gsk|hf|r8|fw)_|\b(?:xai|nvapi|pplx)-|\bAIza|\bAKIA|\bdapi)[\w-]{16,}"),
    re.compile(r"(\beyJ)[\w-]{8,}\.[\w-]{8,}\.[\w-]+"),
    # A header that names its key: api-key: …
    re.compile(r"(?i)(\bapi-key[\"']?: ?)[^\s\"']{8,}"),
    # A sentence: Incorrect API key provided: …, with a digit, unlike the name of a variable.
    re.compile(
        r"(?i)(\b(?:api|access|subscription|secret|auth)[ _-]?(?:key|token)\b[^:=\n]{0,20}[:=] ?[\"']?)"
        r"(?=[\w.~+/=%-]*\d)[\w.~+/=%-]{8,}"
    ),
    # The query of a signed address.
    re.compile(r"(?i)([?&](?:[\w-]*key|sig|signature|code|secret)=)[^\s&\"']+"),
]
"""Patterns of unregistered secrets; group 1 is kept."""
SECRET_WORDS = (
    *("token", "ticket", "key", "password", "bearer", "authorization", "://", "sig", "code=", "secret="),
    *("sk-", "sk_", "hf_", "r8_", "fw_", "xai-", "nvapi-", "pplx-", "aiza", "akia", "dapi", "eyj"),
)
"""Each form has one of them. To look for the words first saves 40 us a line."""
_known: list[str] = []


def register_secrets(secrets: Iterable[str]) -> None:
    """Remove these values from all text from now on, in every spelling that quoting gives them."""
    spellings = {spelling for secret in secrets if secret for spelling in _spellings(secret)}
    _known[:] = sorted({*_known, *spellings}, key=len, reverse=True)


def redact(text: str) -> str:
    """The text without registered secrets, and without what looks like a token, a key or a password."""
    for secret in _known:
        text = text.replace(secret, REDACTED)
    lower = text.lower()
    if not any(word in lower for word in SECRET_WORDS):
        return text
    for form in SECRET_FORMS:
        text = form.sub(rf"\g<1>{REDACTED}", text)
    return text


def _spellings(secret: str) -> set[str]:
    in_json = json.dumps(secret)[1:-1]
    in_json_in_json = json.dumps(in_json)[1:-1]
    in_base64 = base64.b64encode(secret.encode(errors="replace")).decode().rstrip("=")
    return {secret, in_json, in_json_in_json, quote(secret, safe=""), in_base64}
