"""The engine for the OpenAI transcription API and compatible servers."""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Literal
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from audio_tools.engines.base import OnDownload, Request
from audio_tools.engines.openai.errors import map_openai_errors, refuses_form
from audio_tools.engines.openai.headers import read_quota
from audio_tools.engines.openai.models import Form, ResponseFormat, find_model
from audio_tools.engines.openai.response import read_reply
from audio_tools.errors import EngineNotReady, EngineUnavailable
from audio_tools.network import direct_mounts, require_network_environment
from audio_tools.transcript import Reply

if TYPE_CHECKING:
    import httpx2
    from openai import AsyncOpenAI

DIARIZED_AS_ONE_S = 30.0
"""For longer audio (seconds) the API requires `chunking_strategy` to distinguish speakers."""

ROUTE = "/audio/transcriptions"
CONNECT_S = 10.0
"""Connection timeout in seconds; only replies may take minutes."""

ACCESS_S = 5.0
"""Timeout of `check_access`, in seconds."""
REFUSED_ACCESS = {401, 403, 407}
SERVER_ERROR = 500

log = logging.getLogger(__name__)


class OpenAIEngine:
    """
    One client for one key, server and model; see `engines.base.Engine`.

    `response_format` and `usd_per_minute` override the table of models.
    """

    name = "openai"

    def __init__(
        self,
        *,
        api_key: str | None,
        base_url: str,
        model: str,
        timeout_s: float,
        response_format: ResponseFormat | Literal["auto"] = "auto",
        usd_per_minute: float | None = None,
    ) -> None:
        self.model = model
        self._rules = find_model(model, response_format, usd_per_minute)
        self.capabilities = self._rules.capabilities
        self._forms = self._rules.forms
        self._api_key = api_key
        self._base_url = base_url.rstrip("/")
        self._timeout_s = timeout_s
        self._client: AsyncOpenAI | None = None
        self._starting = asyncio.Lock()

    def identity(self) -> tuple[str, ...]:
        """Server, model and response format; neither the key nor the price affects a reply."""
        return (self.name, self._base_url, self.model, self._rules.forms[0].response_format)

    async def start(self, on_download: OnDownload | None = None) -> None:  # noqa: ARG002
        """
        Create the client. Nothing is sent.

        Raises:
            EngineNotReady: there is no key, or a proxy or certificate variable is wrong.
        """
        require_key(self._api_key)
        require_network_environment()
        async with self._starting:
            if self._client is None:
                self._client = await asyncio.to_thread(self._connect)

    def _connect(self) -> AsyncOpenAI:
        """Create the client. Importing the SDK alone takes a second."""
        from openai import AsyncOpenAI, DefaultAsyncHttpxClient, Timeout

        # Half of a short timeout, so that a failed connection is never reported as a missing reply.
        timeout = Timeout(self._timeout_s, connect=min(CONNECT_S, self._timeout_s / 2))
        # The SDK's own retries are off: it would also retry an exhausted quota, and ignores other chunks.
        base_url, query = split_query(self._base_url)
        try:
            return AsyncOpenAI(
                api_key=self._api_key,
                base_url=base_url,
                default_query=query,
                # Azure accepts a key only in this header.
                default_headers={"api-key": self._api_key or ""} if "api-version" in query else None,
                max_retries=0,
                timeout=timeout,
                http_client=DefaultAsyncHttpxClient(mounts=direct_mounts(base_url)),
            )
        except (ValueError, ImportError, OSError) as error:
            raise EngineNotReady(
                f"Cannot create the HTTP client: {error}.",
                hint="Check SSL_CERT_FILE, SSL_CERT_DIR, HTTP_PROXY, HTTPS_PROXY and ALL_PROXY.",
            ) from error

    async def check_access(self) -> None:
        """
        List the models of the server, which is free.

        Raises:
            EngineNotReady: there is no key.
            EngineError: the server cannot be reached, or refuses the key.
        """
        from openai import APIStatusError

        await self.start()
        assert self._client is not None
        with map_openai_errors():
            try:
                await self._client.models.list(timeout=ACCESS_S)
            except APIStatusError as error:
                # Some servers have no such list; the first chunk then shows whether the key is valid.
                if error.status_code in REFUSED_ACCESS or error.status_code >= SERVER_ERROR:
                    raise

    async def transcribe(self, request: Request) -> Reply:
        """See `engines.base.Engine.transcribe`."""
        assert self._client is not None, "start() comes first"
        try:
            with map_openai_errors():
                response = await self._ask(self._client, request)
        except EngineUnavailable as error:
            free = self.capabilities.usd_per_minute == 0
            if error.away is None and error.received and free and await self._lists_models(self._client):
                error.away = False
            raise
        reply = read_reply(_as_json(response), request.audio.seconds, self._rules)
        return replace(reply, quota=read_quota(response.headers))

    async def _lists_models(self, client: AsyncOpenAI) -> bool:
        """Whether the server lists its models, which none does while it loads one and answers 500."""
        from openai import APIError

        try:
            await client.models.list(timeout=ACCESS_S)
        except (APIError, ValueError):
            return False
        return True

    async def close(self) -> None:
        """Close the connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def _ask(self, client: AsyncOpenAI, request: Request) -> httpx2.Response:
        """
        Send a request in the best format that the server accepts; a rejected format is never tried again.
        """
        from openai import APIStatusError

        while True:
            form = self._forms[0]
            try:
                return await self._post(client, request, form)
            except APIStatusError as error:
                # Nothing was processed or charged, so this is not a failed attempt.
                if not refuses_form(error) or not self._give_up(form):
                    raise

    async def _post(self, client: AsyncOpenAI, request: Request, form: Form) -> httpx2.Response:
        from openai import omit

        if request.translate:
            return await self._post_translation(client, request, form)
        cut = form.response_format == "diarized_json" and request.audio.seconds > DIARIZED_AS_ONE_S
        # The SDK's timeout applies to each read only; a server that trickles bytes would never time out.
        async with asyncio.timeout(self._timeout_s):
            response = await client.audio.transcriptions.with_raw_response.create(
                file=(f"chunk.{request.audio.extension}", request.audio.data),
                model=self.model,
                response_format=form.response_format,
                timestamp_granularities=["word", "segment"] if form.granularities else omit,
                chunking_strategy="auto" if cut else omit,
                language=request.language or omit,
                prompt=(request.prompt if self.capabilities.prompt else None) or omit,
            )
        return response.http_response

    async def _post_translation(self, client: AsyncOpenAI, request: Request, form: Form) -> httpx2.Response:
        """Send a translation request; its route accepts neither a language nor word timestamps."""
        import httpx2

        fields = {
            "model": self.model,
            "response_format": "verbose_json" if form.response_format == "verbose_json" else "json",
        } | ({"prompt": request.prompt} if request.prompt else {})
        # Not `audio.translations`: the SDK warns that OpenAI removes it, but other servers keep it.
        async with asyncio.timeout(self._timeout_s):
            return await client.post(
                "/audio/translations",
                cast_to=httpx2.Response,
                body=fields,
                files=[("file", (f"chunk.{request.audio.extension}", request.audio.data))],
                options={"headers": {"Content-Type": "multipart/form-data"}},
            )

    def _give_up(self, form: Form) -> bool:
        """Drop a response format for all chunks. Returns False if there is no other."""
        if form in self._forms:  # else another chunk was refused for the same reason
            if len(self._forms) == 1:
                return False
            self._forms = tuple(other for other in self._forms if other != form)
            log.warning("%s does not accept %s for %s", self._base_url, form, self.model)
        return True


def _as_json(response: httpx2.Response) -> str:
    """The answer; servers that know no other format send the text alone, and say so."""
    if response.headers.get("content-type", "").lower().startswith("text/plain"):
        return json.dumps({"text": response.text})
    return response.text


def split_query(url: str) -> tuple[str, dict[str, str]]:
    """Split a URL from its query, which is appended to each path (Azure's `?api-version=`)."""
    parts = urlsplit(url)
    # Many a server documents the address of the route instead of its base.
    path = parts.path.rstrip("/").removesuffix(ROUTE).rstrip("/")
    return urlunsplit(parts._replace(path=path, query="", fragment="")), dict(parse_qsl(parts.query))


def require_key(api_key: str | None) -> None:
    """Raises EngineNotReady: there is no key."""
    if not api_key:
        raise EngineNotReady(
            "The openai engine requires an API key.",
            hint="Set OPENAI_API_KEY, or choose the local engine: whisper.",
        )
