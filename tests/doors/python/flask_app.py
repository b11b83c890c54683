"""A program on Flask, asked by its own test client."""

import sentry_sdk
from failures import WAYS, begin, leave_crumb
from flask import Flask

begin()
app = Flask("shop")


@app.route("/orders/<way>")
def order(way: str) -> str:
    leave_crumb()
    WAYS[way]()
    return "ok"


client = app.test_client()
for name in WAYS:
    client.get(f"/orders/{name}?token=hunter2-Xk93jQ", headers={"Authorization": "Bearer hunter2-Xk93jQ"})
sentry_sdk.flush(10)
