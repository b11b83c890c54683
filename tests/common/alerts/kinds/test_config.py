"""An address that the worker would refuse is refused when a channel is made; a name is asked when it is spoken to."""

import pytest

from common.alerts.addresses import AllowList
from common.alerts.kinds import KINDS


@pytest.mark.parametrize(
    ("url", "allow", "is_refused"),
    [
        ("http://10.0.0.1/", "", True),
        ("http://10.0.0.1/", "10.0.0.0/8", False),
        ("http://localhost/", "", False),
        ("http://1.1.1.1/", "", False),
        ("http://[::1]/", "127.0.0.1", True),
    ],
)
def test_an_address_is_judged_at_once(url: str, allow: str, is_refused: bool) -> None:
    kind = KINDS["webhook"]
    config = kind.make({"url": url}, None)
    if is_refused:
        with pytest.raises(ValueError, match="MAYDAY_ALERTS_ALLOW"):
            kind.refuse_addresses(config, AllowList.parse(allow))
    else:
        kind.refuse_addresses(config, AllowList.parse(allow))
