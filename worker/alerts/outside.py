"""What leads out of the worker: the guard, the client of HTTP that it watches, and the process of Apprise. Nothing is opened
before it is needed."""

import ssl
from functools import cached_property

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
        self._tls = tls

    @cached_property
    def tls(self) -> ssl.SSLContext:
        return self._tls or make_tls()

    @cached_property
    def client(self) -> GuardedClient:
        return GuardedClient(self.guard, self.tls)

    async def close(self) -> None:
        await self.apprise.close()
