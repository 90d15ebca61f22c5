"""Every setting of the process: name, variable, unit, default, bounds and help, each described once."""

from __future__ import annotations

import os
import re
from base64 import b64decode
from ipaddress import IPv6Address, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl, unquote, urlsplit

from platformdirs import user_data_path
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from audio_tools.errors import ConfigError
from audio_tools.options import EngineName
from audio_tools.redaction import register_secrets

SECRETS = {"openai_api_key", "api_token", "redis_url", "redis_password", "webhook_secret"}
"""Fields whose values are never shown."""
SHORTEST_SECRET = 8
"""Characters of a secret that is removed from every text; a shorter one would take ordinary words with it."""
REDIS_TLS = "ssl_(ca_certs|certfile|keyfile)=.+|ssl_cert_reqs=(none|optional|required)"
"""What REDIS_URL may contain after the address; other parameters of the client are not accepted."""
IN_PLAIN_WORDS = {
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_parsing": "must be a number",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be {expected}",
    "too_short": "must have at least {min_length} characters",
    "string_too_short": "must have at least {min_length} characters",
}
"""What is wrong, by pydantic's name for it; where a name is missing pydantic's own sentence stands."""


def _comma_separated(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _redis_url(value: SecretStr) -> SecretStr:
    try:
        parts = urlsplit(value.get_secret_value())
        # A password with / or @ in it falls into other parts, from where it would be shown.
        fine = parts.hostname and re.fullmatch(r"/?\d*", parts.path) and parts.port != 0
    except ValueError:
        fine = False
    if not fine or parts.scheme not in {"redis", "rediss"}:
        raise PydanticCustomError(
            "redis_url",
            "must look like redis://:PASSWORD@HOST:PORT/DATABASE, or rediss:// for TLS; special characters "
            "of the password are written as in other URLs (/ is %2F)",
        )
    said = parse_qsl(parts.query, keep_blank_values=True)
    if (said and parts.scheme != "rediss") or not all(
        re.fullmatch(REDIS_TLS, "=".join(pair)) for pair in said
    ):
        raise PydanticCustomError(
            "redis_url",
            "may end in ?ssl_ca_certs=FILE, ssl_certfile=FILE, ssl_keyfile=FILE or ssl_cert_reqs=none "
            "(optional, required), joined by &, and that only with rediss://",
        )
    return value


def _header_value(value: SecretStr) -> SecretStr:
    stripped = value.get_secret_value().strip()
    # The HTTP library quotes a header that it refuses, key and all.
    if not re.fullmatch(r"[!-~]*", stripped):
        raise PydanticCustomError("header", "must be ASCII letters, digits and punctuation, without spaces")
    return SecretStr(stripped)


def _server_url(value: str) -> str:
    try:
        parts = urlsplit(value)
        fine = parts.hostname and parts.port != 0 and not re.search(r"\s", value)
    except ValueError:
        fine = False
    if not fine:
        raise PydanticCustomError("server_url", "must be a URL like http://127.0.0.1:8000/v1")
    return value


def _host_name(value: str) -> str:
    try:
        IPv6Address(value)
    except ValueError:
        if not re.fullmatch(r"[\w.-]+", value):
            raise PydanticCustomError(
                "host", "must be a host name or an address, without scheme or port"
            ) from None
    return value


def _network(value: str) -> str:
    try:
        ip_network(value, strict=False)
    except ValueError:
        raise PydanticCustomError("network", "must be an address or a network like 10.0.0.0/8") from None
    return value


def _webhook_secret(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    try:
        key = b64decode(text.removeprefix("whsec_") + "==", validate=False)
    except ValueError:
        key = b""
    if not text.startswith("whsec_") or not 24 <= len(key) <= 64:
        raise PydanticCustomError(
            "webhook_secret", "must be whsec_ and 24 to 64 random bytes in base64 (openssl rand -base64 32)"
        )
    return value


def _with_home(path: Path) -> Path:
    # A shell expands this, but values read from .env are not expanded.
    try:
        return path.expanduser()
    except RuntimeError:
        raise PydanticCustomError("home", "starts with the home directory of an unknown user") from None


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_comma_separated)]
Networks = Annotated[
    tuple[Annotated[str, AfterValidator(_network)], ...], NoDecode, BeforeValidator(_comma_separated)
]
HomePath = Annotated[Path, AfterValidator(_with_home)]
Paths = Annotated[tuple[HomePath, ...], NoDecode, BeforeValidator(_comma_separated)]
Device = Literal["auto", "cpu", "cuda"]
ComputeType = Literal[
    "auto",
    "int8",
    "int8_float32",
    "int8_float16",
    "int8_bfloat16",
    "int16",
    "float16",
    "bfloat16",
    "float32",
]


def default_data_dir() -> Path:
    """The per-user data folder of this platform."""
    return user_data_path("audio-tools", appauthor=False)


def _in_plain_words(error: ErrorDetails) -> str:
    if plain := IN_PLAIN_WORDS.get(error["type"]):
        return plain.format(**error.get("ctx", {}))
    return error["msg"][0].lower() + error["msg"][1:]


class Settings(BaseSettings):
    """
    Settings of the process, from the environment, else from `.env`, else the default.

    The variable of a field is its name in capitals. Built once, in `cli.py`, and handed down.
    """

    model_config = SettingsConfigDict(
        frozen=True, env_file=".env", env_file_encoding="utf-8", env_ignore_empty=True, extra="ignore"
    )

    engine: EngineName = Field(
        "auto", description="`auto`: OpenAI if OPENAI_API_KEY is set, otherwise local Whisper."
    )
    openai_api_key: Annotated[SecretStr, AfterValidator(_header_value)] | None = Field(
        None, description="API key of OpenAI or of a compatible server."
    )
    openai_base_url: Annotated[str, AfterValidator(_server_url)] = Field(
        "https://api.openai.com/v1", pattern=r"^https?://", description="Base URL of the API."
    )
    openai_model: str = Field("whisper-1", min_length=1, description="Transcription model.")
    openai_response_format: Literal["auto", "verbose_json", "json", "diarized_json"] = Field(
        "auto",
        description="Response format to request; `auto`: the most detailed one that the model supports.",
    )
    openai_usd_per_minute: float | None = Field(
        None,
        ge=0,
        description="Price per minute of audio, USD; unset: OpenAI's list price, 0 for unknown models.",
    )
    whisper_model: Annotated[str, AfterValidator(os.path.expanduser)] = Field(
        "base", min_length=1, description="Local Whisper model: a name or a folder."
    )
    whisper_device: Device = Field(
        "auto", description="Device of local Whisper; `auto` uses a GPU if one is available."
    )
    whisper_compute_type: ComputeType = Field(
        "auto", description="CTranslate2 compute type; `auto`: the fastest supported one (int8 on a CPU)."
    )
    align: Literal["auto", "off"] = Field(
        "auto",
        description="`auto` refines word timings by forced alignment: English if PocketSphinx is "
        "installed, other "
        "languages without engine timings by local Whisper.",
    )
    align_model: HomePath | None = Field(
        None,
        description="Folder with a CTC model (ONNX) and its vocabulary, for the alignment of languages "
        "other than "
        "English.",
    )
    engine_timeout: float = Field(
        300.0,
        ge=1,
        le=3600,
        description="Timeout of one request in seconds, from sending the chunk to the complete response.",
    )
    outage_wait: float | None = Field(
        None,
        ge=0,
        le=31_536_000,
        description="Seconds that a job waits for an unreachable engine or for space on a full disk before "
        "it "
        "fails; unset: a day in the service, 600 s in `transcribe`.",
    )
    data_dir: HomePath = Field(
        default_factory=default_data_dir,
        description="Directory of all data: queue, uploads, chunk results, transcripts, models.",
    )
    chunk_size: int = Field(
        26_214_400, ge=65_536, le=1_073_741_824, description="Maximum size of an encoded chunk, bytes."
    )
    max_concurrent_chunks: int = Field(
        5,
        ge=1,
        le=64,
        description="Maximum number of concurrent engine requests of all jobs; with Redis, of all processes.",
    )
    rate_limit_delay: int = Field(
        2_000,
        ge=0,
        le=600_000,
        description="Rate-limit window in ms: at most `maxConcurrent` requests of a job start within it.",
    )
    cache_max_bytes: int = Field(
        10_000_000_000,
        ge=1_000_000,
        description="Maximum size of stored chunk results, bytes; the least recently used ones are removed.",
    )
    chunk_ttl: int = Field(
        30 * 86_400,
        ge=3600,
        le=315_360_000,
        description="Seconds that a chunk result is stored after its last use.",
    )
    redis_url: Annotated[SecretStr, AfterValidator(_redis_url)] | None = Field(
        None,
        description="Redis for a queue shared by several processes: `redis://HOST:PORT/DATABASE`, "
        "`rediss://` "
        "for TLS; overrides REDIS_HOST and REDIS_PORT.",
    )
    redis_host: Annotated[str, AfterValidator(_host_name)] | None = Field(
        None,
        description="Redis host. Without REDIS_URL and REDIS_HOST, one process stores the jobs in DATA_DIR.",
    )
    redis_port: int = Field(6379, ge=1, le=65535, description="Its port.")
    redis_password: SecretStr | None = Field(
        None, description="Redis password, unless REDIS_URL contains one."
    )
    redis_prefix: str = Field(
        "bull", pattern=r"^[\w{}.-]+$", description="Redis key prefix; use a different one for each service."
    )
    host: str = Field(
        "127.0.0.1",
        min_length=1,
        description="Address to listen on; an address other than loopback requires API_TOKEN.",
    )
    port: int = Field(3001, ge=0, le=65535, description="Port for HTTP and WebSockets; 0: any free port.")
    ws_port: int = Field(3002, ge=0, le=65535, description="Port for WebSockets only; 0: any free port.")
    metrics_port: int | None = Field(
        None,
        ge=1,
        le=65535,
        description="Port of the Prometheus metrics of `audio-tools work`, without a token; unset: none.",
    )
    node_env: str = Field(
        "development", description="`production`: JSON logs; otherwise human-readable logs."
    )
    workers: int = Field(2, ge=1, le=64, description="Maximum number of concurrent jobs in this process.")
    media_roots: Paths = Field(
        (), description="Comma-separated directories that `path` may point into; unset: `path` is disabled."
    )
    max_upload_bytes: int = Field(200_000_000_000, ge=1, description="Maximum size of an upload, bytes.")
    min_free_bytes: int = Field(
        1_000_000_000, ge=0, description="Free disk space that uploads must leave, bytes."
    )
    upload_idle: float = Field(
        30.0, ge=1, le=3600, description="Seconds without data after which an upload is aborted."
    )
    upload_ttl: int = Field(
        24 * 3600, ge=60, description="Seconds that an unfinished or unused upload is stored."
    )
    keep_uploads: int = Field(
        86_400,
        ge=0,
        description="Seconds that the upload of a completed job is kept for playback; at most until the disk "
        "fills up.",
    )
    result_ttl: int = Field(
        7 * 86_400, ge=60, description="Seconds that a finished job and its transcript are stored."
    )
    api_token: SecretStr | None = Field(
        None, min_length=16, description="If set, every request except `/health` must send it."
    )
    audio_tools_server: str | None = Field(
        None,
        pattern=r"^https?://",
        description="Service that `submit`, `export`, `jobs`, `cancel` and `restart` connect to, with "
        "API_TOKEN as "
        "their token; unset: the one at HOST and PORT.",
    )
    allowed_origins: Names = Field(
        (), description="Comma-separated web origins allowed in addition to loopback; may include `null`."
    )
    allowed_hosts: Names = Field(
        (), description="Comma-separated host names accepted in addition to loopback."
    )
    trusted_proxies: Networks = Field(
        (),
        description="Addresses or networks of reverse proxies, comma-separated, whose `X-Forwarded-For`, "
        "`X-Forwarded-Proto` and `X-Forwarded-Prefix` are trusted; unset: none.",
    )
    path_prefix: str = Field(
        "",
        pattern=r"^(/[A-Za-z0-9._~-]+){0,10}/?$",
        description="Path prefix under which a reverse proxy publishes the service, if it does not send "
        "`X-Forwarded-Prefix`.",
    )
    webhook_url: Annotated[str, AfterValidator(_server_url)] | None = Field(
        None,
        pattern=r"^https?://",
        description="URL that receives a signed message when a job ends, unless the job names another; "
        "requires WEBHOOK_SECRET.",
    )
    webhook_secret: Annotated[SecretStr, AfterValidator(_webhook_secret)] | None = Field(
        None,
        description="Secret that webhooks are signed with: `whsec_` and 24 to 64 bytes in base64; unset: no "
        "webhooks.",
    )
    webhook_allow_private: bool = Field(
        False, description="Whether webhooks may be sent to private addresses and to this machine."
    )
    shutdown_grace: float = Field(
        10.0,
        ge=0,
        le=3600,
        description="Grace period on SIGTERM in seconds; unfinished jobs are then requeued.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Log level.")

    @property
    def uses_redis(self) -> bool:
        """Whether jobs are kept in Redis."""
        return self.redis_url is not None or self.redis_host is not None

    def secrets(self) -> set[str]:
        """What no log may show: the values of `SECRETS`, of an address the password."""
        fields = {name: getattr(self, name) for name in SECRETS}
        values = {name: field.get_secret_value() for name, field in fields.items() if field}
        password = urlsplit(values.pop("redis_url", "")).password or ""
        return {*values.values(), password, unquote(password)} - {""}

    @classmethod
    def load(cls, **overrides: Any) -> Settings:
        """
        Read the settings; `overrides` (by field name, None means not given) win over the environment.

        Raises:
            ConfigError: names the first variable that is wrong, its value and what is allowed.
        """
        given = {name: value for name, value in overrides.items() if value is not None}
        try:
            settings = cls(**given)
            register_secrets(secret for secret in settings.secrets() if len(secret) >= SHORTEST_SECRET)
            return settings
        except UnicodeDecodeError:
            raise ConfigError(
                "The file .env is not valid UTF-8.", hint="Save it as UTF-8 text, or remove it."
            ) from None
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            name = str(first["loc"][0])
            variable, problem = name.upper(), _in_plain_words(first)
            value = "" if name in SECRETS else f" is {first['input']!r}"
            raise ConfigError(
                f"{variable}{value}: {problem}.",
                hint=f"Correct {variable} in the environment or in .env, or unset it.",
            ) from None
