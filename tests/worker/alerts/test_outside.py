"""The ways to the outside are opened when they are needed, and closed."""

import ssl

from common.settings import Settings
from worker.alerts.outside import Outside


async def test_nothing_is_opened_before_it_is_needed_and_what_was_is_closed() -> None:
    outside = Outside(Settings.load(alerts_allow="127.0.0.1"))
    assert outside.apprise.process is None
    await outside.close()
    started = await outside.apprise.start()
    await outside.close()
    assert started.returncode is not None


def test_what_tls_trusts_is_read_once_and_certificates_are_checked() -> None:
    outside = Outside(Settings.load())
    assert outside.tls() is outside.tls()
    assert outside.tls().verify_mode == ssl.CERT_REQUIRED
    assert outside.tls().check_hostname
