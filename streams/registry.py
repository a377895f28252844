"""
A schema registry that speaks Confluent's API: it keeps the schemas and gives out their ids.

`topics apply` registers; a process only asks, once, when it starts. What it is told is kept on
disk, so a registry that is away later stops neither records nor a restart.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import msgspec
import structlog
from schema_registry.client import SchemaRegistryClient
from schema_registry.client.errors import ClientError
from schema_registry.client.schema import AvroSchema

from schemas import codec
from schemas.avsc import AmbiguousIdError, OwnIds, SchemaFile, SchemaIds
from streams.errors import SetupError
from streams.kafka.admin import Difference

logger = structlog.get_logger(__name__)

COMPATIBILITY = "BACKWARD_TRANSITIVE"
"""A reader of today reads all that was ever written: topics are kept for ever."""

TIMEOUT_S = 5.0
CACHE = "registry.json"
CONFLICT = 409


class RegistryOptions(msgspec.Struct, frozen=True, kw_only=True):
    """
    Where the registry is and who we are there.

    Args:
        url: the root of the API, without credentials; Apicurio's ends in /apis/ccompat/v7.
        token: for "Authorization: Bearer"; else `username` and `password`, else nothing.
        ca_file: PEM of the authority that signed its certificate.
    """

    url: str
    username: str | None = None
    password: str | None = None
    token: str | None = None
    ca_file: str | None = None

    def __repr__(self) -> str:
        return f"RegistryOptions({self.url!r})"


class _Bearer(httpx.Auth):
    def __init__(self, token: str) -> None:
        self._token = token

    def auth_flow(
        self, request: httpx.Request
    ) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["authorization"] = f"Bearer {self._token}"
        yield request


def subject_of(file: SchemaFile) -> str:
    """Return the name under which a topic's values are registered (TopicNameStrategy)."""
    return f"{file.topic}-value"


def _auth(options: RegistryOptions) -> httpx.Auth:
    if options.token:
        return _Bearer(options.token)
    if options.username:
        return httpx.BasicAuth(options.username, options.password or "")
    return httpx.Auth()


class Registry:
    """One conversation with the registry; blocks, so call it in a thread."""

    def __init__(self, options: RegistryOptions) -> None:
        self._url = options.url
        self._client = SchemaRegistryClient(
            url=options.url,
            ca_location=options.ca_file,
            auth=_auth(options),
            timeout=httpx.Timeout(TIMEOUT_S),
        )
        self._files = sorted(OwnIds().table().values())

    def ids(self) -> dict[SchemaFile, int]:
        """
        Return the id of every version that is registered.

        Raises:
            RegistryAwayError, SetupError: it does not answer, or refuses us.
        """
        with self._told():
            found = (
                (file, self._client.check_version(subject_of(file), AvroSchema(file.text())))
                for file in self._files
            )
            return {file: known.schema_id for file, known in found if known is not None}

    def plan(self) -> list[Difference]:
        """Return what `apply` would do, by subject; errors as in `ids`."""
        registered = self.ids()
        found = [
            Difference(
                kind="configure",
                topic=subject,
                setting="compatibility",
                have=have,
                want=COMPATIBILITY,
            )
            for subject in dict.fromkeys(map(subject_of, self._files))
            if (have := self._compatibility(subject)) != COMPATIBILITY
        ]
        found += [
            Difference(
                kind="create",
                topic=subject_of(file),
                setting="schema",
                want=str(file),
            )
            for file in self._files
            if file not in registered
        ]
        return found

    def apply(self) -> None:
        """
        Set the compatibility of every subject, then register what is missing, oldest first.

        Raises:
            SetupError: a schema could not read what an earlier one wrote; others as in `ids`.
        """
        planned = self.plan()
        with self._told():
            for each in planned:
                if each.kind == "configure":
                    self._client.update_compatibility(COMPATIBILITY, each.topic)
        missing = {each.want for each in planned if each.kind == "create"}
        for file in self._files:
            if str(file) in missing:
                self._register(file)

    def _register(self, file: SchemaFile) -> None:
        with self._told():
            try:
                self._client.register(subject_of(file), AvroSchema(file.text()))
            except ClientError as error:
                if error.http_code != CONFLICT:
                    raise
                raise SetupError(
                    f"the registry refuses {file} under {subject_of(file)}: it could not read "
                    "what an earlier version there wrote; look at the versions it has, and "
                    "delete those that are not ours"
                ) from None

    def _compatibility(self, subject: str) -> str:
        with self._told():
            try:
                return str(self._client.get_compatibility(subject))
            except ClientError as error:
                if error.http_code == httpx.codes.NOT_FOUND:
                    return "none"
                raise

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Say what is wrong without the library's texts, which quote answers and requests."""
        try:
            yield
        except ClientError as error:
            if (error.http_code or 0) >= httpx.codes.INTERNAL_SERVER_ERROR:
                raise RegistryAwayError(
                    f"no registry answers at {self._url}: what is in front of it says "
                    f"{error.http_code}; start the registry"
                ) from None
            raise SetupError(
                f"the registry at {self._url} answers {error.http_code}: check "
                "TILLSTREAM_REGISTRY_URL and the credentials beside it"
            ) from None
        except (httpx.HTTPError, ValueError) as error:
            raise RegistryAwayError(
                f"no registry answers at {self._url}: {type(error).__name__}; start it or "
                "correct TILLSTREAM_REGISTRY_URL"
            ) from None


class RegistryAwayError(SetupError):
    """Nobody who speaks the API answers there."""


class _Known(msgspec.Struct, frozen=True):
    """What a registry once told: the id of each file, by name."""

    url: str
    ids: dict[str, int]


def adopt(options: RegistryOptions | None, folder: Path) -> None:
    """
    Read and write with the registry's ids from now on; without one with our own. Blocks.

    Args:
        folder: where what it tells is kept, for the time when it is away.

    Raises:
        SetupError: it has not all schemas, other ids than before, or is away the first time.
    """
    own = OwnIds()
    if options is None:
        codec.use_ids(own)
        return
    told = _told_ids(options, folder / CACHE, own)
    ids = SchemaIds({number: file for file, number in told.items()}, own.table())
    try:
        for file in told:
            ids.met(file.topic)
    except AmbiguousIdError as error:
        raise SetupError(
            f"the registry's ids do not fit records of before: {error}; delete the newer "
            "version there for good and run `tillstream topics apply`, which brings another id"
        ) from None
    codec.use_ids(ids)


def _told_ids(options: RegistryOptions, cache: Path, own: OwnIds) -> dict[SchemaFile, int]:
    files = sorted(own.table().values())
    kept = _kept(cache, options.url)
    try:
        told = Registry(options).ids()
    except RegistryAwayError as error:
        if any(file not in kept for file in files):
            raise
        logger.warning("registry-away", reason=str(error), kept=str(cache))
        return {file: kept[file] for file in files}
    if missing := [str(file) for file in files if file not in told]:
        raise SetupError(
            f"the registry lacks {', '.join(missing)}; run `tillstream topics apply`"
        )
    if any(kept.get(file, number) != number for file, number in told.items()):
        raise SetupError(
            "the registry gives other ids than those that records carry; restore its backup, "
            f"or delete {cache} if no record was written with it"
        )
    _keep(cache, _Known(options.url, {str(file): number for file, number in told.items()}))
    return told


def _kept(cache: Path, url: str) -> dict[SchemaFile, int]:
    try:
        known = msgspec.json.decode(cache.read_bytes(), type=_Known)
        if known.url != url:
            return {}
        return {SchemaFile.named(name): number for name, number in known.ids.items()}
    except (OSError, ValueError):
        return {}


def _keep(cache: Path, known: _Known) -> None:
    cache.parent.mkdir(parents=True, exist_ok=True)
    draft = cache.with_suffix(".new")
    draft.write_bytes(msgspec.json.encode(known))
    draft.replace(cache)
