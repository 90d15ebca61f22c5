"""Every knob of the process, once: name, variable, unit, default, bounds, help."""

from __future__ import annotations

import os
import re
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

SECRETS = {"openai_api_key", "api_token", "redis_url", "redis_password"}
"""Fields whose values are never shown."""
SHORTEST_SECRET = 8
"""Characters of a secret that is removed from every text; a shorter one would take ordinary words with it."""
REDIS_TLS = "ssl_(ca_certs|certfile|keyfile)=.+|ssl_cert_reqs=(none|optional|required)"
"""What REDIS_URL may say besides the address; other parameters of the client are ours to choose."""
IN_PLAIN_WORDS = {
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_parsing": "must be a number",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be {expected}",
    "too_short": "needs at least {min_length} characters",
    "string_too_short": "needs at least {min_length} characters",
}
"""What is wrong, by pydantic's name for it; where a name is missing pydantic's own sentence stands."""


def _by_commas(value: object) -> object:
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


def _fits_in_a_header(value: SecretStr) -> SecretStr:
    stripped = value.get_secret_value().strip()
    # The HTTP library quotes a header that it refuses, key and all.
    if not re.fullmatch(r"[!-~]*", stripped):
        raise PydanticCustomError("header", "must be ASCII letters, digits and signs, without blanks inside")
    return SecretStr(stripped)


def _server_url(value: str) -> str:
    try:
        parts = urlsplit(value)
        fine = parts.hostname and parts.port != 0 and not re.search(r"\s", value)
    except ValueError:
        fine = False
    if not fine:
        raise PydanticCustomError("server_url", "must be an address like http://127.0.0.1:8000/v1")
    return value


def _host_alone(value: str) -> str:
    try:
        IPv6Address(value)
    except ValueError:
        if not re.fullmatch(r"[\w.-]+", value):
            raise PydanticCustomError("host", "must be a name or an address alone") from None
    return value


def _network(value: str) -> str:
    try:
        ip_network(value, strict=False)
    except ValueError:
        raise PydanticCustomError("network", "must be an address or a network like 10.0.0.0/8") from None
    return value


def _at_home(path: Path) -> Path:
    # A shell does this, but nobody does it to what is read from .env.
    try:
        return path.expanduser()
    except RuntimeError:
        raise PydanticCustomError("home", "begins with the home of a user who is not known here") from None


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_by_commas)]
Networks = Annotated[
    tuple[Annotated[str, AfterValidator(_network)], ...], NoDecode, BeforeValidator(_by_commas)
]
HomePath = Annotated[Path, AfterValidator(_at_home)]
Paths = Annotated[tuple[HomePath, ...], NoDecode, BeforeValidator(_by_commas)]
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

    engine: EngineName = Field("auto", description="`auto` takes openai where a key is set, else whisper.")
    openai_api_key: Annotated[SecretStr, AfterValidator(_fits_in_a_header)] | None = Field(
        None, description="Key of the OpenAI API or of a server like it."
    )
    openai_base_url: Annotated[str, AfterValidator(_server_url)] = Field(
        "https://api.openai.com/v1", pattern=r"^https?://", description="Where the API lives."
    )
    openai_model: str = Field("whisper-1", min_length=1, description="Transcription model of the API.")
    openai_response_format: Literal["auto", "verbose_json", "json", "diarized_json"] = Field(
        "auto", description="What a model is asked for; `auto`: the most that it is known to give."
    )
    openai_usd_per_minute: float | None = Field(
        None, ge=0, description="Price of a minute of audio; unset: OpenAI's own, 0 for unknown models."
    )
    whisper_model: Annotated[str, AfterValidator(os.path.expanduser)] = Field(
        "base", min_length=1, description="Local Whisper: a model's name, or a folder."
    )
    whisper_device: Device = Field(
        "auto", description="Where local Whisper computes; `auto` takes a graphics card if there is one."
    )
    whisper_compute_type: ComputeType = Field(
        "auto", description="Its arithmetic; `auto` is the fastest that the device has, on a CPU int8."
    )
    align: Literal["auto", "off"] = Field(
        "auto",
        description="`auto` puts words on the samples: English where PocketSphinx is installed, others that "
        "come without times by the local Whisper.",
    )
    align_model: HomePath | None = Field(
        None,
        description="Folder with a CTC model in ONNX and its vocabulary, which aligns the words of other "
        "languages than English.",
    )
    engine_timeout: float = Field(
        300.0,
        ge=1,
        le=3600,
        description="Seconds for one request: to send a chunk and to have the whole answer.",
    )
    outage_wait: float | None = Field(
        None,
        ge=0,
        le=31_536_000,
        description="Seconds that a job waits for an engine that cannot be reached, or for room on a full "
        "disk, before it fails; unset: a day in the service, 600 s in `transcribe`.",
    )
    data_dir: HomePath = Field(
        default_factory=default_data_dir, description="Where chunk results and models are kept."
    )
    chunk_size: int = Field(
        26_214_400, ge=65_536, le=1_073_741_824, description="Cap on an encoded chunk, bytes."
    )
    max_concurrent_chunks: int = Field(
        5,
        ge=1,
        le=64,
        description="Chunks at the engine at once, all jobs together; with Redis in all processes together.",
    )
    rate_limit_delay: int = Field(
        2_000,
        ge=0,
        le=600_000,
        description="At most `maxConcurrent` requests of a job start in any window of so many milliseconds.",
    )
    cache_max_bytes: int = Field(
        10_000_000_000,
        ge=1_000_000,
        description="Most bytes of stored chunk results; beyond it the least recently used ones are removed.",
    )
    chunk_ttl: int = Field(
        30 * 86_400,
        ge=3600,
        le=315_360_000,
        description="Seconds that a stored chunk result is kept after its last use.",
    )
    redis_url: Annotated[SecretStr, AfterValidator(_redis_url)] | None = Field(
        None,
        description="Redis that keeps the jobs of many processes: `redis://HOST:PORT/DATABASE`, `rediss://` "
        "for TLS; wins over REDIS_HOST and REDIS_PORT.",
    )
    redis_host: Annotated[str, AfterValidator(_host_alone)] | None = Field(
        None, description="Its host. With neither set one process keeps the jobs, in DATA_DIR."
    )
    redis_port: int = Field(6379, ge=1, le=65535, description="Its port.")
    redis_password: SecretStr | None = Field(None, description="Its password, unless REDIS_URL has one.")
    redis_prefix: str = Field(
        "bull", pattern=r"^[\w{}.-]+$", description="What our keys in Redis begin with: one for each service."
    )
    host: str = Field("127.0.0.1", min_length=1, description="Address to listen on; others need API_TOKEN.")
    port: int = Field(
        3001, ge=0, le=65535, description="Port for HTTP, and for WebSockets too; 0: any free one."
    )
    ws_port: int = Field(3002, ge=0, le=65535, description="Port for WebSockets; 0: any free one.")
    metrics_port: int | None = Field(
        None,
        ge=1,
        le=65535,
        description="Port for Prometheus at `audio-tools work`, without a token; unset: none.",
    )
    node_env: str = Field("development", description="`production` logs JSON, the others lines for people.")
    workers: int = Field(2, ge=1, le=64, description="Jobs at work at once in this process.")
    media_roots: Paths = Field(
        (), description="Folders whose files may be named by `path`, by commas; unset: no path is taken."
    )
    max_upload_bytes: int = Field(200_000_000_000, ge=1, description="The largest upload, in bytes.")
    min_free_bytes: int = Field(1_000_000_000, ge=0, description="Bytes of the disk that uploads leave free.")
    upload_idle: float = Field(
        30.0, ge=1, le=3600, description="Seconds without a byte after which an upload is given up."
    )
    upload_ttl: int = Field(
        24 * 3600, ge=60, description="Seconds that an unfinished or unused upload is kept."
    )
    result_ttl: int = Field(
        7 * 86_400, ge=60, description="Seconds that a job that has ended is kept, with its transcript."
    )
    api_token: SecretStr | None = Field(
        None, min_length=16, description="With it set every request but `/health` must carry it."
    )
    audio_tools_server: str | None = Field(
        None,
        pattern=r"^https?://",
        description="Service that `submit`, `export`, `jobs`, `cancel` and `restart` talk to, with API_TOKEN "
        "as their token; unset: the one at HOST and PORT.",
    )
    allowed_origins: Names = Field(
        (), description="Web origins besides loopback that may call, by commas; `null` is one of them."
    )
    allowed_hosts: Names = Field((), description="Names besides loopback under which clients may reach us.")
    trusted_proxies: Networks = Field(
        (),
        description="Addresses or networks of reverse proxies, comma-separated, whose `X-Forwarded-For`, "
        "`X-Forwarded-Proto` and `X-Forwarded-Prefix` count; unset: none.",
    )
    path_prefix: str = Field(
        "",
        pattern=r"^(/[A-Za-z0-9._~-]+){0,10}/?$",
        description="Path below which a reverse proxy publishes the service, where it sends no "
        "`X-Forwarded-Prefix`.",
    )
    shutdown_grace: float = Field(
        10.0, ge=0, le=3600, description="Seconds that running jobs get on SIGTERM before they are put back."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="How much is logged.")

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
                "The file .env is not UTF-8 text.", hint="Write it again as plain text, or remove it."
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
