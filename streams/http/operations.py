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
from streams.http.services import Services
from streams.http.visibility import visible
from streams.log import TP
from streams.operations.rejected import Choice, Letter, chosen, ends_of, redrive
from streams.operations.replay import Difference, Replay, Selection
from streams.operations.tailing import BEGIN, TopicPage, check_topic, page_of, positions_from

LETTERS_MAX = 1_000

SLICE = 1_000
"""
Raw events of one request of a replay: it is answered within a second, and on a machine that has
a tenth of its processors to spare well before the client gives up.
"""

SENT_MAX = 1_000
"""Letters that one request sends again."""

logger = structlog.get_logger(__name__)
router = APIRouter(
    prefix="/api/v1/operations", tags=["operations"], dependencies=[Depends(admin_of)]
)

Name = Annotated[str, Query(max_length=64)]
Lane = Annotated[int, Field(ge=0)]
Offset = Annotated[int, Field(ge=0, lt=2**63)]


class Redrive(Form):
    """
    Which letters to send through their stage again; nothing given means all.

    One request sends some. Ask first with `most` 0, then with the `ends` of that answer until
    `left` is 0: what was sent and rejected once more stands behind them, and is not sent again.
    """

    stage: str | None = Field(default=None, max_length=64)
    error_type: str | None = Field(default=None, max_length=64)
    reason: str | None = Field(default=None, max_length=200)
    letter_id: str | None = Field(default=None, max_length=64)
    ends: dict[Lane, Offset] | None = Field(
        default=None, description="Only letters before these offsets, by lane."
    )
    most: int = Field(default=SENT_MAX, ge=0, le=SENT_MAX, description="Letters to send.")


class ReplayForm(Form):
    """
    Which raw events to read again, by account and time of receipt.

    One request reads some of one lane: ask again with the lane and the offset of `next`, until
    there is none. Asked twice for the same it changes nothing the second time.
    """

    account_id: str | None = Field(default=None, max_length=192)
    since: datetime | None = None
    until: datetime | None = None
    dry_run: bool = Field(default=True, description="Say what would change, write nothing.")
    lane: Lane = Field(default=0, description="Where to go on.")
    offset: Offset = Field(default=0, description="Where to go on in the lane.")


class BackupForm(Form):
    """The name of a new folder below `backups` in the data folder."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")


class Redriven(msgspec.Struct, kw_only=True):
    """
    What a request sent again.

    Args:
        left: letters that are still to be sent; 0 when all are.
        rejected_now: letters of those meant that are rejected now, wherever they stand.
        ends: the ends of the lanes when this began.
    """

    redriven: int
    left: int
    rejected_now: int
    ends: dict[int, int]


class Place(msgspec.Struct, frozen=True):
    """Where a replay goes on."""

    lane: int
    offset: int


class Replayed(msgspec.Struct, kw_only=True):
    """
    What reading some raw events of a lane again changes.

    Args:
        upto: the offset that this request came to, between `begin` and `end` of the lane.
        processed: False when what was written has not been processed within some seconds; it
            will be.
        next: where to go on; None when all lanes are done.
    """

    lane: int
    begin: int
    upto: int
    end: int
    written: bool
    processed: bool
    differences: list[Difference]
    next: Place | None


class BackedUp(msgspec.Struct, kw_only=True):
    """Where the backup is; copy it to another disk."""

    folder: str


@router.get("/rejected", responses=many(Letter), response_class=Response)
async def list_rejected(
    services: ServicesDep,
    stage: Name | None = None,
    error_type: Name | None = None,
    letter_id: Name | None = None,
    *,
    every: bool = False,
) -> Response:
    """List dead letters, the newest thousand of those meant, and say how many `more` are."""
    choice = Choice(stage=stage, error_type=error_type, letter_id=letter_id, every=every)
    found = await chosen(services.log, services.settings.lanes, choice)
    shown = [letter for letter, _ in found[-LETTERS_MAX:]]
    return listed(shown, None, more=len(found) - len(shown))


@router.post("/rejected/redrive", responses=one(Redriven), response_class=Response)
async def redrive_rejected(form: Redrive, services: ServicesDep) -> Response:
    """Send some dead letters through the stage that rejected them, and wait for what comes."""
    log, lanes = services.log, services.settings.lanes
    again = Choice(stage=form.stage, error_type=form.error_type, reason=form.reason)
    ends = await ends_of(log, lanes) if form.ends is None else form.ends
    choice = msgspec.structs.replace(again, letter_id=form.letter_id, ends=ends)
    try:
        async with services.redriving:
            sent = await redrive(log, lanes, choice, most=form.most)
    except SetupError as error:
        raise ProblemError(409, str(error)) from error
    await visible(services, range(lanes))
    rejected = [letter for letter, _ in await chosen(log, lanes, again)]
    left = sum(map(choice.has, rejected))
    logger.info("redriven", count=sent, left=left)
    answer = Redriven(redriven=sent, left=left, rejected_now=len(rejected), ends=ends)
    return json_answer(answer)


@router.post("/replay", responses=one(Replayed), response_class=Response)
async def replay_raw(form: ReplayForm, services: ServicesDep) -> Response:
    """Run raw history through today's connectors; what differs becomes new revisions."""
    lane, lanes = form.lane, services.settings.lanes
    for instant in (form.since, form.until):
        if instant is not None and instant.tzinfo is None:
            raise ProblemError(422, "give times with a UTC offset")
    _check_lane(services, lane)
    replay = Replay(
        log=services.log,
        lanes=lanes,
        views=services.views,
        accounts=services.directory,
        connectors=services.connectors,
        sealer=services.sealer,
    )
    selection = Selection(account_id=form.account_id, since=form.since, until=form.until)
    batch = await replay.batch(selection, lane, form.offset, SLICE)
    processed = True
    if batch.changes and not form.dry_run:
        await replay.apply(batch.changes, services.ingest)
        processed = await visible(services, [lane])
    upto = batch.upto
    behind = Place(lane, upto) if upto < batch.end else Place(lane + 1, 0)
    answer = Replayed(
        lane=lane,
        begin=batch.begin,
        upto=upto,
        end=batch.end,
        written=not form.dry_run,
        processed=processed,
        differences=[change.difference for change in batch.changes],
        next=behind if behind.lane < lanes else None,
    )
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
    if lane is not None:
        _check_lane(services, lane)
    try:
        check_topic(topic)
        at = await positions_from(services.log, topic, lanes, start if after is None else BEGIN)
    except SetupError as error:
        raise ProblemError(422, str(error)) from None
    if after is not None:
        at |= _positions(topic, after, at)
    page = await page_of(services.log, at, account_id)
    return json_answer(page)


def _check_lane(services: Services, lane: int) -> None:
    if lane >= services.settings.lanes:
        raise ProblemError(422, f"there are lanes 0 to {services.settings.lanes - 1}")


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
