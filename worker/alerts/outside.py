"""What leads out of the worker: the guard, the client of HTTP that it watches, and the process of Apprise. Nothing is opened
before it is needed."""

import ssl

from common.alerts.addresses import AllowList
from common.settings.alerts import ChannelSettings
from worker.alerts.apprise_process import AppriseProcess
from worker.alerts.guarded_client import Guard, GuardedClient, make_tls


class Outside:
    """The ways to the outside, of which there are no others."""

    def __init__(
        self, settings: ChannelSettings, *, guard: Guard | None = None, tls: ssl.SSLContext | None = None
    ) -> None:
        self.allow = settings.alerts_allow
        self.guard = guard or Guard(AllowList.parse(settings.alerts_allow))
        self.apprise = AppriseProcess()
        self.client = GuardedClient(self.guard, self.tls)
        self._tls = tls

    def tls(self) -> ssl.SSLContext:
        """Made once, in a fraction of a second: not in the event loop."""
        if self._tls is None:
            self._tls = make_tls()
        return self._tls

    async def close(self) -> None:
        await self.apprise.close()
