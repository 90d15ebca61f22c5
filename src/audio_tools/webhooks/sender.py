"""Sends one message to its receiver, signed according to Standard Webhooks."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime

import httpx2
from standardwebhooks.webhooks import Webhook

from audio_tools import __version__
from audio_tools.json_value import iso
from audio_tools.network import UNRESOLVED, is_unresolved
from audio_tools.redaction import redact
from audio_tools.webhooks.addresses import AddressRefused, resolve
from audio_tools.webhooks.delivery import Attempt

TIMEOUT_S = 20.0
"""Of one attempt, in seconds: receivers are expected to reply within 15 to 30 s."""


class WebhookSender:
    """Sends signed messages. The secret is `whsec_` and base64."""

    def __init__(self, secret: str, *, allow_private: bool) -> None:
        self._signer = Webhook(secret)
        self._allow_private = allow_private
        # Proxies of the environment would resolve the name themselves, after it was checked here.
        self._http = httpx2.AsyncClient(
            trust_env=False, follow_redirects=False, timeout=TIMEOUT_S, headers={"Accept": "*/*"}
        )

    async def close(self) -> None:
        """Close open connections."""
        await self._http.aclose()

    async def send(self, url: str, message_id: str, body: str) -> Attempt:
        """Make one attempt; never raises an error of the network."""
        started = time.time()
        try:
            async with asyncio.timeout(TIMEOUT_S):
                status = await self._post(httpx2.URL(url), message_id, body)
        except AddressRefused as refused:
            return Attempt(iso(started), None, str(refused))
        except TimeoutError:
            return Attempt(iso(started), None, f"No reply within {TIMEOUT_S:g} s.")
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            reason = UNRESOLVED if is_unresolved(error) else redact(str(error)) or type(error).__name__
            return Attempt(iso(started), None, f"The receiver cannot be reached: {reason}.")
        return Attempt(iso(started), status, _problem(status), gone=status == httpx2.codes.GONE)

    async def _post(self, url: httpx2.URL, message_id: str, body: str) -> int:
        port = url.port or (443 if url.scheme == "https" else 80)
        # Connect to the address that was checked: a second lookup may give another one.
        address = await resolve(url.host, port, allow_private=self._allow_private)
        request = self._http.build_request(
            "POST",
            url.copy_with(host=address),
            content=body.encode(),
            headers=self._headers(message_id, body) | {"Host": url.netloc.decode("ascii")},
            extensions={"sni_hostname": url.host},
        )
        response = await self._http.send(request, stream=True)
        await response.aclose()  # a reply of any length is of no interest
        return response.status_code

    def _headers(self, message_id: str, body: str) -> dict[str, str]:
        now = datetime.now(UTC)
        return {
            "Content-Type": "application/json",
            "User-Agent": f"audio-tools/{__version__}",
            "webhook-id": message_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._signer.sign(message_id, now, body),
        }


def _problem(status: int) -> str | None:
    """Why this status means that the message was not accepted; None if it was."""
    if 200 <= status < 300:
        return None
    if 300 <= status < 400:
        return f"The receiver replied {status}; redirects are not followed."
    return f"The receiver replied {status}."
