"""What a kind of channel is. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from common.alerts.addresses import AllowList

Config = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """`make` turns what was sent (`url` and what else the kind needs) into the config that is sealed, given the one before
    where there is one, and raises ValueError with what is wrong; `hint` is what may be shown of it; `secrets` are the texts in
    it that may be shown nowhere; `host` is the one that it names, None where a service has its own."""

    name: str
    make: Callable[[Config, Config | None], dict[str, Any]]
    hint: Callable[[Config], str]
    secrets: Callable[[Config], list[str]]
    host: Callable[[Config], str | None]

    def refuse_addresses(self, config: Config, allowed: AllowList) -> None:
        """Raise ValueError where it names an address that the worker would not speak to. What a name leads to is asked when
        it is spoken to, and no earlier."""
        host = self.host(config)
        if host is None or host in allowed.hosts:
            return
        try:
            address = ip_address(host)
        except ValueError:
            return
        if not allowed.allows(host, address):
            raise ValueError(f"{host} is not public: name it in MAYDAY_ALERTS_ALLOW if it is meant")
