"""A program without a framework: what it does not catch is captured by hand."""

import sentry_sdk
from failures import WAYS, begin, leave_crumb

begin()
for way in WAYS.values():
    leave_crumb()
    try:
        way()
    except Exception as error:  # noqa: BLE001 - whatever it is
        sentry_sdk.capture_exception(error)
sentry_sdk.flush(10)
