"""Tasks of Celery, run in place by its own tracer."""

import sentry_sdk
from celery import Celery
from failures import WAYS, begin, leave_crumb

begin()
app = Celery("shop", broker="memory://")


@app.task(name="shop.order")  # type: ignore[untyped-decorator]
def order(way: str) -> None:
    leave_crumb()
    WAYS[way]()


for name in WAYS:
    order.apply(args=[name])
sentry_sdk.flush(10)
