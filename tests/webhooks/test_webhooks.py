"""Webhooks on both queues: what is sent, when, to whom, and what is not."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from audio_tools.backend import Backend, make_backend
from audio_tools.errors import ConfigError, WebhookRefused
from audio_tools.jobs import Job, JobFailure, Queue
from audio_tools.options import Options
from audio_tools.settings import Settings
from audio_tools.webhooks import Delivery, WebhookDispatcher, WebhookSender, delivery, dispatcher, sender
from tests.jobs.conftest import new_queue, prefix, redis_server  # noqa: F401
from tests.jobs.steps import ERROR, RESULT
from tests.webhooks.receiver import SECRET, Receiver, receiving


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seconds become hundredths."""
    monkeypatch.setattr(dispatcher, "SCAN_S", 0.02)
    monkeypatch.setattr(dispatcher, "PROGRESS_S", 0.0)
    monkeypatch.setattr(delivery, "DELAYS_S", (0.02, 0.04))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


class Service:
    """A backend with webhooks, whose workers are the test."""

    def __init__(self, folder: Path, queue: Queue, **settings: Any) -> None:
        self.folder = folder
        (folder / "talk.wav").touch()
        given: dict[str, Any] = {"webhook_secret": SECRET, "webhook_allow_private": True} | settings
        self.backend: Backend = make_backend(Settings(data_dir=folder, media_roots=(folder,), **given), None)
        self.backend.queue = queue

    async def start(self, **options: Any) -> Job:
        """Start a job on a file of this machine."""
        return await self.backend.start_with_path(
            str(self.folder / "talk.wav"), Options.parse(options)[0], None
        )

    def dispatcher(self, *, allow_private: bool = True) -> WebhookDispatcher:
        """What a server process opens."""
        parts = WebhookSender(SECRET, allow_private=allow_private)
        return WebhookDispatcher(self.backend.queue, self.backend.subscriptions.store, parts)

    async def delivered(self, job: Job, count: int = 1) -> tuple[Delivery, ...]:
        """The deliveries of a job once so many of them are closed."""
        async with asyncio.timeout(30):
            while True:
                found = await self.backend.subscriptions.deliveries(job.id)
                if len(found) >= count and all(entry.state != "pending" for entry in found):
                    return found
                await asyncio.sleep(0.01)

    async def complete(self) -> Job:
        """Work on the oldest waiting job, and complete it."""
        lease = await self.backend.queue.take()
        return await lease.complete(RESULT)

    async def fail(self) -> Job:
        """Work on the oldest waiting job, and fail it for a reason that may pass."""
        lease = await self.backend.queue.take()
        return await lease.fail(JobFailure(ERROR.stored | {"restartable": True}))


@pytest.fixture
async def service(new_queue: Callable[[], Queue], tmp_path: Path) -> AsyncIterator[Service]:  # noqa: F811
    async with new_queue() as queue:
        yield Service(tmp_path, queue)


async def test_each_end_of_a_job_is_sent_once(service: Service, receiver: Receiver) -> None:
    """Completed, failed and cancelled, signed, with what the receiver has to know."""
    async with service.dispatcher():
        completed = await service.start(webhookUrl=receiver.url)
        await service.complete()
        failed = await service.start(webhookUrl=receiver.url)
        await service.fail()
        cancelled = await service.start(webhookUrl=receiver.url)
        await service.backend.cancel(cancelled.id)
        for job in (completed, failed, cancelled):
            await service.delivered(job)

    by_type = {message.type: message.body["data"] for message in receiver.received}
    assert len(receiver.received) == 3
    assert not receiver.forged
    assert by_type["job.completed"]["jobId"] == completed.id
    assert by_type["job.completed"]["fileName"] == "talk.wav"
    assert by_type["job.completed"]["result"] == RESULT
    assert by_type["job.failed"]["error"] == "no_audio_stream"
    assert by_type["job.failed"]["message"] == "no audio"
    assert by_type["job.cancelled"]["jobId"] == cancelled.id


async def test_only_the_named_events_are_sent(service: Service, receiver: Receiver) -> None:
    """A receiver of failures is sent nothing about a completed job."""
    async with service.dispatcher():
        await service.start(webhookUrl=receiver.url, webhookEvents=["failed"])
        await service.complete()
        job = await service.start(webhookUrl=receiver.url, webhookEvents=["failed"])
        await service.fail()
        await service.delivered(job)

    assert [message.type for message in receiver.received] == ["job.failed"]


async def test_progress_is_sent_on_request(service: Service, receiver: Receiver) -> None:
    """Progress messages have ids of their own and come before the end."""
    async with service.dispatcher():
        job = await service.start(webhookUrl=receiver.url, webhookEvents=["progress", "completed"])
        lease = await service.backend.queue.take()
        await lease.report("progress", {"progress": 40.0, "message": "Transcribing"})
        await asyncio.to_thread(receiver.wait_for, 1)
        await lease.complete(RESULT)
        await service.delivered(job)

    first, *_, last = receiver.received
    assert (first.type, first.body["data"]["progress"]) == ("job.progress", 40.0)
    assert last.type == "job.completed"
    assert first.id != last.id


async def test_a_message_is_sent_again_with_the_same_id(service: Service, receiver: Receiver) -> None:
    """Errors and redirects are no acceptance, and no redirect is followed."""
    receiver.replies = [500, 302, 429]
    async with service.dispatcher():
        job = await service.start(webhookUrl=receiver.url)
        await service.complete()
        (found,) = await service.delivered(job)

    assert found.state == "delivered"
    assert [attempt.status for attempt in found.attempts] == [500, 302, 429, 204]
    assert found.attempts[1].error == "The receiver replied 302; redirects are not followed."
    assert {message.id for message in receiver.received} == {found.id}
    assert {message.path for message in receiver.received} == {"/hook"}


async def test_a_receiver_that_is_gone_is_left_alone(service: Service, receiver: Receiver) -> None:
    """410 ends the attempts."""
    receiver.replies = [410]
    async with service.dispatcher():
        job = await service.start(webhookUrl=receiver.url)
        await service.complete()
        (found,) = await service.delivered(job)

    assert (found.state, len(found.attempts)) == ("failed", 1)


async def test_a_receiver_that_does_not_reply_is_tried_again(
    service: Service, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow reply counts as none."""
    monkeypatch.setattr(sender, "TIMEOUT_S", 0.5)
    receiver.delay_s = 1.0
    async with service.dispatcher():
        job = await service.start(webhookUrl=receiver.url)
        await service.complete()
        async with asyncio.timeout(30):
            while not await _attempts(service, job):
                await asyncio.sleep(0.01)
        receiver.delay_s = 0.0
        monkeypatch.setattr(sender, "TIMEOUT_S", 20.0)
        (found,) = await service.delivered(job)

    assert found.attempts[0].error == "No reply within 0.5 s."
    assert found.attempts[-1].status == 204


async def test_a_receiver_that_is_down_is_tried_again(service: Service, receiver: Receiver) -> None:
    """A refused connection is an attempt, with its reason."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    async with service.dispatcher():
        job = await service.start(webhookUrl=f"http://127.0.0.1:{port}/")
        await service.complete()
        async with asyncio.timeout(30):
            while len(found := await _attempts(service, job)) < 2:
                await asyncio.sleep(0.01)

    assert found[0].status is None
    assert found[0].error is not None
    assert found[0].error.startswith("The receiver cannot be reached:")


async def _attempts(service: Service, job: Job) -> tuple[delivery.Attempt, ...]:
    return tuple(
        attempt
        for entry in await service.backend.subscriptions.deliveries(job.id)
        for attempt in entry.attempts
    )


async def test_attempts_end_after_a_day(
    service: Service, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then the delivery has failed, and says so."""
    monkeypatch.setattr(delivery, "DAY_S", 0.1)
    receiver.replies = [503] * 1000
    async with service.dispatcher():
        job = await service.start(webhookUrl=receiver.url)
        await service.complete()
        (found,) = await service.delivered(job)

    assert found.state == "failed"
    assert found.next_attempt_at is None
    assert found.attempts[-1].error == "The receiver replied 503."


async def test_a_restarted_job_is_reported_again(service: Service, receiver: Receiver) -> None:
    """Each end is a message of its own."""
    async with service.dispatcher():
        job = await service.start(webhookUrl=receiver.url)
        await service.fail()
        await service.delivered(job)
        await service.backend.restart(job.id)
        await service.complete()
        found = await service.delivered(job, 2)

    assert [entry.type for entry in found] == ["job.failed", "job.completed"]
    assert found[0].id != found[1].id
    assert len(receiver.received) == 2


async def test_a_job_deleted_at_once_is_reported_all_the_same(service: Service, receiver: Receiver) -> None:
    """A client may fetch the result and delete the job before its message was sent."""
    job = await service.start(webhookUrl=receiver.url)
    await service.complete()
    await service.backend.delete(job.id)
    async with service.dispatcher():
        (message,) = await asyncio.to_thread(receiver.wait_for, 1)
        store = service.backend.subscriptions.store
        async with asyncio.timeout(10):
            while store.get(job.id) is not None:
                await asyncio.sleep(0.01)

    assert message.body["data"]["jobId"] == job.id


async def test_what_one_process_leaves_the_next_one_sends(service: Service, receiver: Receiver) -> None:
    """A dispatcher that ended before, during or after the end of the job loses nothing."""
    receiver.replies = [500] * 3
    before = await service.start(webhookUrl=receiver.url)
    async with service.dispatcher():
        await service.complete()
        await asyncio.to_thread(receiver.wait_for, 1)
    after = await service.start(webhookUrl=receiver.url)
    await service.complete()
    async with service.dispatcher():
        for job in (before, after):
            await service.delivered(job)

    assert {message.body["data"]["jobId"] for message in receiver.received} == {before.id, after.id}
    assert len({message.id for message in receiver.received}) == 2


async def test_of_two_processes_one_sends(service: Service, receiver: Receiver) -> None:
    """They share a folder, and the messages are not doubled."""
    async with service.dispatcher(), service.dispatcher():
        jobs = [await service.start(webhookUrl=receiver.url) for _ in range(5)]
        for _ in jobs:
            await service.complete()
        for job in jobs:
            await service.delivered(job)

    assert len(receiver.received) == 5


async def test_jobs_without_a_receiver_leave_no_file(service: Service) -> None:
    """Only what is to be delivered is stored."""
    await service.start()

    assert not await asyncio.to_thread(service.backend.subscriptions.store.pending)


async def test_the_receiver_of_the_settings_gets_every_job(
    new_queue: Callable[[], Queue],  # noqa: F811
    tmp_path: Path,
    receiver: Receiver,
) -> None:
    """WEBHOOK_URL is the default."""
    async with new_queue() as queue:
        service = Service(tmp_path, queue, webhook_url=receiver.url)
        async with service.dispatcher():
            job = await service.start()
            await service.complete()
            await service.delivered(job)

    assert len(receiver.received) == 1


@asynccontextmanager
async def names(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> AsyncIterator[None]:
    """A name server whose answers change: one address for each lookup, the last one for all others."""
    answers = list(addresses)

    async def getaddrinfo(host: str, port: int, **_: Any) -> list[tuple[Any, ...]]:
        address = answers.pop(0) if len(answers) > 1 else answers[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo, raising=False)
    yield


@pytest.mark.usefixtures("no_names")
async def test_a_receiver_whose_name_has_no_address_is_named() -> None:
    """The recorded error is in words, without an error number."""
    sender = WebhookSender(SECRET, allow_private=False)
    attempt = await sender.send("http://nowhere.invalid/", "msg_1", "{}")
    await sender.close()

    assert attempt.error == "The receiver cannot be reached: the host name cannot be resolved."


async def test_private_addresses_are_not_reached(
    service: Service, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that now leads to this machine is looked up once for each attempt, and refused."""
    port = receiver.url.rpartition(":")[2].partition("/")[0]
    outward = WebhookSender(SECRET, allow_private=False)
    async with names(monkeypatch, "127.0.0.1"):
        attempt = await outward.send(f"http://rebinding.example:{port}/", "msg_1", "{}")
    await outward.close()

    assert attempt.status is None
    assert attempt.error is not None
    assert "has only private addresses" in attempt.error
    assert not receiver.received


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://localhost:8080/x",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[64:ff9b::7f00:1]/",
        "http://10.0.0.8/",
        "https://169.254.169.254/latest",
        "http://224.0.0.1/",
        "http://0.0.0.0/",
    ],
)
async def test_private_receivers_are_refused_at_once(
    new_queue: Callable[[], Queue],  # noqa: F811
    tmp_path: Path,
    url: str,
) -> None:
    """Where the URL itself shows it, the client learns it when it starts the job; nothing is left behind."""
    async with new_queue() as queue:
        service = Service(tmp_path, queue, webhook_allow_private=False)
        with pytest.raises(WebhookRefused, match="private address"):
            await service.start(webhookUrl=url)

        assert (await queue.list()).total == 0


async def test_without_a_secret_no_receiver_can_be_named(
    new_queue: Callable[[], Queue],  # noqa: F811
    tmp_path: Path,
) -> None:
    """An unsigned message could be forged by anyone."""
    async with new_queue() as queue:
        service = Service(tmp_path, queue, webhook_secret=None)
        with pytest.raises(WebhookRefused, match="secret"):
            await service.start(webhookUrl="https://example.com/")
    with pytest.raises(ConfigError, match="WEBHOOK_SECRET"):
        make_backend(Settings(data_dir=tmp_path, webhook_url="https://example.com/"), None)


@pytest.mark.parametrize("secret", ["geheim", "whsec_", "whsec_c2hvcnQ="])
def test_weak_secrets_are_refused(secret: str) -> None:
    """Their form is that of Standard Webhooks."""
    with pytest.raises(ConfigError, match="WEBHOOK_SECRET: must be whsec_"):
        Settings.load(webhook_secret=secret)
