"""A new protocol is one receiver: what it reads goes the way of all that is sent."""

from collections.abc import Iterator

import pytest

from api.access.keys import Caller
from api.http.problems import Invalid, Unsupported
from api.ingest.pipeline import Sent
from api.ingest.receivers import Receiver, Receivers
from api.ingest.receivers.items import Batch, Item, Parsed, Rejected, sort_out
from api.ingest.receivers.native import SentError
from api.ingest.receivers.registry import ERROR_RECEIVERS
from api.ingest.schemas import ErrorIn
from common.keys import Scope
from common.settings import Settings
from tests.conftest import Service


def read_csv(body: bytes, settings: Settings) -> Batch[SentError]:
    """Service, severity and message, an error a line."""
    lines = body.decode().splitlines()
    if not 0 < len(lines) <= settings.batch_max_items:
        raise Invalid("no lines, or too many")
    return sort_out(read_each(lines))


def read_each(lines: list[str]) -> Iterator[Item[SentError]]:
    for line in lines:
        service, _, rest = line.partition(",")
        severity, is_whole, message = rest.partition(",")
        if is_whole:
            yield Parsed(ErrorIn.model_validate({"service": service, "severity": severity, "message": message}))
        else:
            yield Rejected("missing_field", "a line has three fields", "/message")


CSV = Receiver("csv", ("text/csv", "text/comma-separated-values"), read_csv)


@pytest.fixture
def with_csv(service: Service, monkeypatch: pytest.MonkeyPatch) -> Service:
    monkeypatch.setattr(service.state["pipeline"], "receivers", Receivers(*ERROR_RECEIVERS, CSV))
    return service


async def test_what_a_receiver_of_three_lines_reads_is_stored_counted_and_summarized(with_csv: Service) -> None:
    project = await with_csv.project()
    sent = b"shop,error,payment 1 failed: password=hunter2hunter2\nshop,error\ncart,warning,slow\n"
    answer = await project.ingest.post(
        "/api/errors/batch", content=sent, headers={"content-type": "Text/CSV; charset=utf-8"}
    )
    assert answer.status_code == 207, answer.text
    told = answer.json()
    assert (told["status"], told["count"], told["duplicates"]) == ("partial", 2, 0)
    assert told["rejected"] == [{"index": 1, "reason": "missing_field", "detail": "a line has three fields"}]
    assert told["adjusted"] == [{"index": 0, "adjustments": ["redacted"]}]
    rows = await with_csv.execute("SELECT service, severity, message FROM errors ORDER BY service")
    assert [tuple(row) for row in rows] == [
        ("cart", 2, "slow"),
        ("shop", 3, "payment 1 failed: password=[redacted]"),
    ]
    assert [tuple(row) for row in await with_csv.execute("SELECT sum(count) FROM deltas")] == [(2,)]


async def test_a_body_of_which_a_receiver_makes_nothing_is_answered_like_any_other(with_csv: Service) -> None:
    project = await with_csv.project()
    for body, detail in ((b"shop\n", "none of 1 errors can be stored: a line has three fields"), (b"", "no lines")):
        answer = await project.ingest.post("/api/errors/batch", content=body, headers={"content-type": "text/csv"})
        assert answer.status_code == 422
        assert answer.json()["detail"].startswith(detail)


async def test_what_nobody_reads_is_told_who_does(service: Service) -> None:
    project = await service.project()
    for path in ("/api/errors/batch", "/api/errors/log", "/api/usage/batch"):
        answer = await project.ingest.post(path, content=b"x", headers={"content-type": "text/csv"})
        assert answer.status_code == 415
        detail = answer.json()["detail"]
        assert detail.startswith("Content-Type 'text/csv': send application/json, or ")
        assert all(media_type in detail for receiver in ERROR_RECEIVERS for media_type in receiver.media_types)


@pytest.mark.parametrize(
    ("content_type", "name"),
    [(None, "json"), ("application/json", "json"), ("APPLICATION/JSON;charset=utf-8", "json"),
     (" application/x-ndjson ; a=b", "ndjson"), ("text/csv", "csv"), ("text/comma-separated-values", "csv")],
)  # fmt: skip
def test_a_body_goes_to_the_receiver_of_its_media_type(content_type: str | None, name: str) -> None:
    assert Receivers(*ERROR_RECEIVERS, CSV).of(content_type).name == name


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/json2", "json"])
def test_other_types_are_for_nobody(content_type: str) -> None:
    with pytest.raises(Unsupported):
        ERROR_RECEIVERS.of(content_type)


async def test_a_route_may_name_the_receiver_of_its_protocol(service: Service) -> None:
    """As one must whose clients send another type than what they send."""
    project = await service.project()
    caller = Caller(project.id, "key", Scope.ingest)
    allowance = service.state["quotas"].allowance(project.id, "key", ingest=True)
    sent = Sent(caller, allowance, "text/plain", b"shop,error,boom")
    answer = await service.state["pipeline"].take_batch(sent, CSV)
    assert (answer.status, answer.count) == ("success", 1)
