"""The page of a pattern and of an error have all that the API says of them."""

from api.pages.pattern import is_list_of_objects, shown_error
from tests.api.pages.browsing import sign_in
from tests.conftest import Service

CONTEXT = {
    "request": {"url": "/pay", "headers": {"Host": "shop"}}, "user": {"id": "7"}, "order": {"number": 4711},
    "breadcrumbs": [{"message": "clicked", "category": "ui", "data": {"button": "pay"}}],
}  # fmt: skip


async def test_all_that_was_sent_of_an_error_is_on_its_page(service: Service) -> None:
    project = await service.project()
    await project.send({
        "service": "shop", "severity": "critical", "message": "card declined", "error_type": "CardDeclined",
        "environment": "production", "release": "1.2.3", "tags": {"region": "eu"}, "context": CONTEXT,
    })  # fmt: skip
    await service.run_worker()
    person = await sign_in(service, project)
    [error] = (await project.get("/api/errors/recent"))["errors"]
    for path in (f"errors/{error['id']}", f"patterns/{error['pattern_id']}"):
        page = await person.see(path)
        for said in (
            "card declined",
            "CardDeclined",
            "production",
            "1.2.3",
            "region",
            "/pay",
            "clicked",
            "4711",
            error["id"],
        ):
            assert said in page, (path, said)


def test_breadcrumbs_of_another_form_are_shown_as_they_are() -> None:
    assert not is_list_of_objects("text")
    assert not is_list_of_objects([1])

    class Error:
        stack_trace = None
        context = {"breadcrumbs": "odd", "modules": {}}  # noqa: RUF012

    shown = shown_error(Error)
    assert (shown["breadcrumbs"], shown["rest"], shown["sections"]) == ([], {"breadcrumbs": "odd"}, {})
