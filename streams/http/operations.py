"""What an operator does to the running log; by the admin key."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

import msgspec
import structlog
from fastapi import APIRouter, Depends, Path, Query
from pydantic import Field
from starlette.responses import Response

from streams.embedded.log import EmbeddedLog
from streams.errors import SetupError
from streams.http.answers import json_answer, listed, many, one
from streams.http.auth import ServicesDep, admin_of
from streams.http.forms import Form
from streams.http.problems import ProblemError
from streams.http.visibility import visible
from streams.log import TP
from streams.operations.rejected import Choice, Letter, chosen, redrive
from streams.operations.replay import DaySum, Difference, Replay, Selection, by_day
from streams.operations.tailing import BEGIN, TopicPage, check_topic, page_of, positions_from

LETTERS_MAX = 1_000

logger = structlog.get_logger(__name__)
router = APIRouter(
    prefix="/api/v1/operations", tags=["operations"], dependencies=[Depends(admin_of)]
)

Name = Annotated[str, Query(max_length=64)]


class Redrive(Form):
    """Which letters to send through their stage again; nothing given means all."""

    stage: str | None = Field(default=None, max_length=64)
    error_type: str | None = Field(default=None, max_length=64)
    reason: str | None = Field(default=None, max_length=200)
    letter_id: str | None = Field(default=None, max_length=64)


class ReplayForm(Form):
    """Which raw events to read again, by account and time of receipt."""

    account_id: str | None = Field(default=None, max_length=192)
    since: datetime | None = None
    until: datetime | None = None
    dry_run: bool = Field(default=True, description="Say what would change, write nothing.")


class BackupForm(Form):
    """The name of a new folder below `backups` in the data folder."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")


class Redriven(msgspec.Struct, kw_only=True):
    """How many letters were sent, and how many of those meant are rejected now."""

    redriven: int
    rejected_now: int


class Replayed(msgspec.Struct, kw_only=True):
    """What reading the history again changes."""

    changed: int
    written: bool
    days: list[DaySum]


class BackedUp(msgspec.Struct, kw_only=True):
    """Where the backup is; copy it to another disk."""

    folder: str


@router.get("/rejected", responses=many(Letter), response_class=Response)
async def list_rejected(
    services: ServicesDep,
    stage: Name | None = None,
    error_type: Name | None = None,
    *,
    every: bool = False,
) -> Response:
    """List dead letters, the newest thousand of those meant; bodies stay sealed."""
    choice = Choice(stage=stage, error_type=error_type, every=every)
    found = await chosen(services.log, services.settings.lanes, choice)
    return listed([letter for letter, _ in found[-LETTERS_MAX:]], None)


@router.post("/rejected/redrive", responses=one(Redriven), response_class=Response)
async def redrive_rejected(form: Redrive, services: ServicesDep) -> Response:
    """Send dead letters through the stage that rejected them, and wait for what comes."""
    lanes = services.settings.lanes
    again = Choice(stage=form.stage, error_type=form.error_type, reason=form.reason)
    choice = msgspec.structs.replace(again, letter_id=form.letter_id)
    try:
        async with services.redriving:
            sent = await redrive(services.log, lanes, choice)
    except SetupError as error:
        raise ProblemError(409, str(error)) from error
    await visible(services, range(lanes))
    left = len(await chosen(services.log, lanes, again))
    logger.info("redriven", count=sent)
    return json_answer(Redriven(redriven=sent, rejected_now=left))


@router.post("/replay", responses=one(Replayed), response_class=Response)
async def replay_raw(form: ReplayForm, services: ServicesDep) -> Response:
    """Run raw history through today's connectors; what differs becomes new revisions."""
    for instant in (form.since, form.until):
        if instant is not None and instant.tzinfo is None:
            raise ProblemError(422, "give times with a UTC offset")
    replay = Replay(
        log=services.log,
        lanes=services.settings.lanes,
        views=services.views,
        accounts=services.directory,
        connectors=services.connectors,
        sealer=services.sealer,
    )
    selection = Selection(account_id=form.account_id, since=form.since, until=form.until)
    found: list[Difference] = []
    async for difference in replay.differences(selection):
        found.append(difference)
        if not form.dry_run:
            await replay.apply(difference, services.ingest)
    if not form.dry_run:
        await visible(services, range(services.settings.lanes))
    answer = Replayed(changed=len(found), written=not form.dry_run, days=by_day(found))
    return json_answer(answer)


@router.get("/topics/{topic}", responses=one(TopicPage), response_class=Response)
async def tail_topic(
    services: ServicesDep,
    topic: Annotated[str, Path(max_length=64)],
    start: Annotated[str, Query(max_length=40)] = BEGIN,
    after: Annotated[str | None, Query(max_length=16_384)] = None,
    lane: Annotated[int | None, Query(ge=0)] = None,
    account_id: Annotated[str | None, Query(max_length=192)] = None,
) -> Response:
    """List records of a topic, decoded; what is sealed or personal is not shown."""
    lanes = range(services.settings.lanes) if lane is None else [lane]
    if lane is not None and lane >= services.settings.lanes:
        raise ProblemError(422, f"there are lanes 0 to {services.settings.lanes - 1}")
    try:
        check_topic(topic)
        at = await positions_from(services.log, topic, lanes, start if after is None else BEGIN)
    except SetupError as error:
        raise ProblemError(422, str(error)) from None
    if after is not None:
        at |= _positions(topic, after, at)
    page = await page_of(services.log, at, account_id)
    return json_answer(page)


def _positions(topic: str, after: str, begins: Mapping[TP, int]) -> dict[TP, int]:
    """Read what `after` of an earlier page says; what retention took is left out."""
    try:
        pairs = [one.split(":") for one in after.split(",")]
        found = {TP(topic, int(lane)): int(offset) for lane, offset in pairs}
    except ValueError:
        raise ProblemError(422, "give `after` as an earlier page had it") from None
    return {tp: max(offset, begins[tp]) for tp, offset in found.items() if tp in begins}


@router.post("/backup", responses=one(BackedUp, 201), response_class=Response, status_code=201)
async def backup(form: BackupForm, services: ServicesDep) -> Response:
    """Copy the embedded log while it runs, into a folder that is a log itself."""
    if not isinstance(services.log, EmbeddedLog):
        raise ProblemError(409, "Kafka keeps its own copies; replicate its topics")
    folder = services.settings.data_dir / "backups" / form.name
    try:
        services.log.backup(folder)
    except SetupError as error:
        raise ProblemError(409, str(error)) from None
    return json_answer(BackedUp(folder=str(folder)), 201)
