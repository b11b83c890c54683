"""The routes of all pages, and those that anyone may ask for: signing in, and what pages load."""

from fastapi import FastAPI

from api.pages import alerts, decide, now, pattern, reference, rules, search, serving, signing, spend, system

ROUTERS = (
    signing.links,
    signing.pages,
    now.router,
    pattern.router,
    decide.router,
    search.router,
    spend.router,
    alerts.router,
    rules.router,
    system.router,
)


def add_public_routes(app: FastAPI) -> None:
    """Those in PUBLIC_PATHS of api/access/routers.py."""
    for path, handle, methods in (
        ("/", signing.show_first, ["GET"]),
        ("/signin", signing.show_sign_in, ["GET"]),
        ("/signin", signing.sign_in, ["POST"]),
        ("/signin/{link}", signing.follow_link, ["GET"]),
        ("/docs", reference.show_reference, ["GET"]),
        ("/assets/{digest}/{name}", serving.show_asset, ["GET"]),
    ):
        app.add_route(path, handle, methods=methods, include_in_schema=False)
