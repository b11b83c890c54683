"""The routes by which a project sets prices, and has what is stored priced again."""

from typing import cast
from uuid import UUID

from fastapi import Request, Response

from api.access.keys import AdminCaller
from api.access.routers import Router
from api.access.shares import share_of
from api.http.problems import Invalid, NotFound, ProblemPlace
from api.spending.overrides import add_override, remove_override
from api.spending.price_schemas import (
    OverrideIn,
    OverrideMade,
    RepriceAnswer,
    RepricedModel,
    RepriceIn,
    RepriceSums,
)
from api.spending.repricing import Difference, Sums, reprice
from common.pricing import Processing, RateOverride, Rates, find_doubtful_rates
from common.settings import Settings

router = Router(prefix="/api/prices", tags=["prices"])

REPRICE_SHARE = 0.6  # of the time that a request may take


@router.post("/overrides", status_code=201, summary="Set rates of your own")
async def create_override(request: Request, response: Response, caller: AdminCaller, sent: OverrideIn) -> OverrideMade:
    """Set rates for calls made from a moment on. Rates that look like a slip are refused until `confirm` is true."""
    override = RateOverride(
        model=sent.model,
        rates=Rates(sent.input, sent.output, sent.cached, sent.cache_write, sent.cache_write_1h),
        starts_at=sent.starts_at,
        ends_at=sent.ends_at,
        provider=sent.provider or "",
        processing=Processing(sent.processing or "standard"),
    )
    if not sent.confirm and (doubts := find_doubtful_rates(override)):
        places = [
            ProblemPlace(pointer=f"/{name}", reason="doubtful_rate", detail=why)
            for name, _, why in (doubt.partition(": ") for doubt in doubts)
        ]
        raise Invalid(f"send confirm: true if this is meant: {'; '.join(doubts)}", errors=places)
    async with share_of(request, caller.project_id).begin() as connection:
        override_id = await add_override(connection, caller.project_id, override, caller.key_id)
    response.headers["Location"] = f"{router.prefix}/overrides/{override_id}"
    return OverrideMade(id=override_id)


@router.delete("/overrides/{override_id}", status_code=204, summary="Take rates back")
async def delete_override(request: Request, caller: AdminCaller, override_id: UUID) -> Response:
    """As if it had never been: calls from now on have the catalog's price. To end it at a date, set `ends_at`."""
    async with share_of(request, caller.project_id).begin() as connection:
        if not await remove_override(connection, caller.project_id, override_id):
            raise NotFound("there is no override with this id in this project")
    return Response(status_code=204)


@router.post("/reprice", summary="Price stored records again")
async def reprice_usage(request: Request, caller: AdminCaller, sent: RepriceIn) -> RepriceAnswer:
    """Price a period again by today's catalog and overrides; a second run changes nothing. Each run is on record."""
    settings = cast("Settings", request.state.settings)
    difference = await reprice(
        share_of(request, caller.project_id),
        caller.project_id,
        sent.since,
        sent.until,
        caller.key_id,
        dry_run=sent.dry_run,
        max_seconds=settings.request_seconds * REPRICE_SHARE,
    )
    return describe_difference(difference, dry_run=sent.dry_run)


def describe_difference(difference: Difference, *, dry_run: bool) -> RepriceAnswer:
    changed = sorted((model, sums) for model, sums in difference.by_model.items() if sums.changed)
    return RepriceAnswer(
        **describe_sums(difference.total).model_dump(),
        dry_run=dry_run,
        by_model=[RepricedModel(model=model, **describe_sums(sums).model_dump()) for model, sums in changed],
        done_until=difference.done_until,
    )


def describe_sums(sums: Sums) -> RepriceSums:
    return RepriceSums(**{name: getattr(sums, name) for name in Sums.__dataclass_fields__})
