"""What is sent about channels says one kind and what it needs, and no more."""

import pytest
from pydantic import TypeAdapter, ValidationError

from api.alerts.channel_schemas import ChannelChange, ChannelIn, ChatIn, EmailIn, WebhookIn

ONE = TypeAdapter[WebhookIn | EmailIn | ChatIn](ChannelIn)


def test_the_kind_says_what_is_needed() -> None:
    assert isinstance(ONE.validate_python({"name": "a", "kind": "webhook", "url": "https://a"}), WebhookIn)
    with pytest.raises(ValidationError, match="from"):
        ONE.validate_python({"name": "a", "kind": "email", "url": "smtp://a", "to": ["b@c"]})
    with pytest.raises(ValidationError, match="sender"):
        ONE.validate_python(
            {"name": "a", "kind": "email", "url": "smtp://a", "to": ["b@c"], "sender": "a@b", "from": "a@b"}
        )


def test_a_change_says_something_and_names_the_place_as_it_is_sealed() -> None:
    with pytest.raises(ValidationError, match="nothing to do"):
        ChannelChange.model_validate({})
    change = ChannelChange.model_validate({"from": "a@b.example", "to": ["c@d.example"], "name": "n"})
    assert change.place() == {"sender": "a@b.example", "recipients": ["c@d.example"]}
