"""Settings of channels of alerts: the key that seals their secrets, and where they may lead to."""

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings

from common.alerts.addresses import AllowList
from common.sealing import read_secret_keys


class ChannelSettings(BaseSettings):
    """What seals the secrets of channels, and which addresses of one's own network they may lead to."""

    secret_key: SecretStr = Field(
        SecretStr(""),
        description="The installation's key, which seals the secrets of channels in Postgres; API and worker need the same "
        "one, and `./mayday secret-key create` makes one. Several with commas between them: the first seals, each opens. Empty: "
        "`mayday up` makes one and keeps it; elsewhere no channel can be made.",
    )
    alerts_allow: str = Field(
        "",
        description="Host names, addresses and networks, with commas between them, that channels may lead to although they "
        "are not public, as mail.internal, 10.1.2.3, 10.9.0.0/16. Loopback, private, link-local and metadata addresses are "
        "refused otherwise.",
    )

    @field_validator("secret_key")
    @classmethod
    def has_whole_keys(cls, secret_key: SecretStr) -> SecretStr:
        """Refuse what is no key, without a word of it."""
        read_secret_keys(secret_key.get_secret_value())
        return secret_key

    @field_validator("alerts_allow")
    @classmethod
    def names_hosts(cls, alerts_allow: str) -> str:
        """Refuse what is no host, address or network."""
        AllowList.parse(alerts_allow)
        return alerts_allow
