"""Assemble the HTTP and WebSocket application."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from fastapi import HTTPException, Request, Response, WebSocket
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import JSONResponse
from starlette.types import ASGIApp

from audio_tools import __version__
from audio_tools.errors import QueueUnavailable
from audio_tools.jobs import Queue
from audio_tools.metrics import JOBS, REGISTRY, WEBSOCKETS
from audio_tools.server.access_rules import AccessRules
from audio_tools.server.docs_page import docs_page
from audio_tools.server.error_responses import install, on_http_error
from audio_tools.server.middleware.access_control import AccessControl
from audio_tools.server.middleware.access_log import AccessLog
from audio_tools.server.middleware.head import HeadAsGet
from audio_tools.server.middleware.openai_errors import OpenAIErrors
from audio_tools.server.middleware.stopping import AnswerWhenStopped
from audio_tools.server.openai_api.errors import JobFailed
from audio_tools.server.openapi.document import DESCRIPTION, FIGURES, HEALTHY, TAGS, DocumentedApp
from audio_tools.server.openapi.errors import errors
from audio_tools.server.request_body import ClientGone, LingeringClose
from audio_tools.server.routes.health import HealthCheck, health
from audio_tools.server.routes.job_events import JobEvents
from audio_tools.server.routes.jobs import JobRoutes
from audio_tools.server.routes.media import MediaRoutes
from audio_tools.server.routes.openai import OpenAIRoutes, on_failed_job
from audio_tools.server.routes.page import page_router
from audio_tools.server.routes.preview import PreviewRoutes
from audio_tools.server.routes.tus import TusApp

UPLOADS = "/files"
CLIENT_CLOSED_REQUEST = 499
"""nginx's status for a client that disconnected; used in the log only, never sent."""


def create_app(
    routes: JobRoutes,
    tus: TusApp,
    rules: AccessRules,
    checks: Mapping[str, HealthCheck],
    openai: OpenAIRoutes | None = None,
) -> ASGIApp:
    """
    Create the application. The caller opens and closes the resources that it uses.

    From the outside in: access log, errors of OpenAI's routes, requests interrupted by the end of the
    service, lingering close of refused bodies, access control, routes.
    """
    app = DocumentedApp(
        title="Audio Tools Backend",
        version=__version__,
        description=DESCRIPTION,
        openapi_tags=TAGS,
        license_info={"name": "MIT"},
    )
    install(app)
    app.add_exception_handler(ClientGone, _answer_nobody)
    app.include_router(routes.router())
    app.include_router(MediaRoutes(routes.backend, rules.token).router())
    app.include_router(PreviewRoutes(routes.backend).router())
    if openai is not None:
        app.include_router(openai.router())
        app.add_exception_handler(JobFailed, on_failed_job)
    app.include_router(page_router())
    app.router.routes.extend(tus.routes(UPLOADS))

    @app.get(
        "/health",
        summary="Health check",
        operation_id="getHealth",
        tags=["service"],
        responses=errors() | HEALTHY,
    )
    async def get_health(request: Request) -> Response:
        """200, or 503 with the reason. Without a required token, only the status is returned."""
        return await health(checks, in_full=request.state.authorized)

    @app.get(
        "/metrics",
        summary="Prometheus metrics",
        operation_id="getMetrics",
        tags=["service"],
        response_class=Response,
        responses=FIGURES | errors(QueueUnavailable),
    )
    async def get_metrics() -> Response:
        """Metrics of jobs, media, engine calls and costs, WebSockets and the process."""
        return await metrics(routes.backend.queue)

    @app.get("/openapi.json", include_in_schema=False)
    async def get_document(request: Request) -> Response:
        return JSONResponse(await app.document(request.scope.get("root_path", "").rstrip("/")))

    @app.get("/docs", include_in_schema=False)
    async def get_docs() -> Response:
        # FastAPI's own pages load scripts from other hosts.
        return docs_page(await asyncio.to_thread(app.openapi))

    events = JobEvents(routes.backend.queue, routes.streams.messages)

    @app.websocket("/")
    async def follow(socket: WebSocket) -> None:
        with WEBSOCKETS.track_inprogress():
            await events.follow(socket)

    @app.websocket("/{path:path}")
    async def refuse(socket: WebSocket) -> None:
        error = HTTPException(404)
        await socket.send_denial_response(await on_http_error(socket, error))

    inner = LingeringClose(AccessControl(HeadAsGet(app, uploads=UPLOADS), rules))
    return AccessLog(OpenAIErrors(AnswerWhenStopped(inner)))


async def _answer_nobody(_: Request, __: Exception) -> Response:
    return Response(status_code=CLIENT_CLOSED_REQUEST)


async def metrics(queue: Queue) -> Response:
    """All metrics in the Prometheus text format."""
    for state, count in (await queue.counts()).items():
        JOBS.labels(state).set(count)
    return Response(await asyncio.to_thread(generate_latest, REGISTRY), media_type=CONTENT_TYPE_LATEST)
