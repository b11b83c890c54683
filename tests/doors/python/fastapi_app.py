"""A program on FastAPI, asked by its own test client."""

import sentry_sdk
from failures import WAYS, begin, leave_crumb
from fastapi import FastAPI
from fastapi.testclient import TestClient

begin()
app = FastAPI()


@app.get("/orders/{way}")
def order(way: str) -> str:
    leave_crumb()
    WAYS[way]()
    return "ok"


client = TestClient(app, raise_server_exceptions=False)
for name in WAYS:
    client.get(f"/orders/{name}?token=hunter2-Xk93jQ", headers={"Authorization": "Bearer hunter2-Xk93jQ"})
sentry_sdk.flush(10)
