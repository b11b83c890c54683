"""A program that goes on to fail whatever it is told; how often and how fast, its arguments say."""

import sys
import time

import sentry_sdk
from failures import begin

begin()
times, pause_seconds = int(sys.argv[1]), float(sys.argv[2])
for number in range(times):
    sentry_sdk.capture_message(f"failure {number}")
    if pause_seconds:
        time.sleep(pause_seconds)
    else:
        sentry_sdk.flush(20)
sentry_sdk.flush(30)
