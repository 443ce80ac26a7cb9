"""Topics: only the exact form of wire v1 is read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parkgrid_contract.identity import Gateway
from parkgrid_contract.refusal import RefusedError
from parkgrid_contract.topics import Channel, parse_topic, subscription, topic

pytestmark = pytest.mark.edge

identifiers = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,62}", fullmatch=True)


@given(identifiers, identifiers, st.sampled_from(Channel))
def test_a_topic_is_read_back(park: str, gateway: str, channel: Channel) -> None:
    assert parse_topic(topic(Gateway(park, gateway), channel)) == (Gateway(park, gateway), channel)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "parkgrid/v1/p/g",
        "parkgrid/v1/p/g/telemetry/x",
        "parkgrid/v2/p/g/telemetry",
        "parkgrid/v1//g/telemetry",
        "parkgrid/v1/+/g/telemetry",
        "parkgrid/v1/#",
        "parkgrid/v1/../g/telemetry",
        "parkgrid/v1/p%2f/g/telemetry",
        "parkgrid/v1/p\x00/g/telemetry",
        "parkgrid/v1/p/g/telemetry\n",
        "parkgrid/v1/P/g/telemetry",
        "parkgrid/v1/园区/g/telemetry",
        "$SYS/broker/uptime",
        "$CONTROL/dynamic-security/v1",
        "parkgrid/v1/" + "p" * 65_000 + "/g/telemetry",
        "/parkgrid/v1/p/g/telemetry",
    ],
)
def test_any_other_topic_is_refused(text: str) -> None:
    with pytest.raises(RefusedError, match="wrong_topic"):
        parse_topic(text)


def test_subscriptions_and_retention_follow_the_design() -> None:
    assert subscription(Channel.TELEMETRY) == "parkgrid/v1/+/+/telemetry"
    assert {channel.value for channel in Channel if channel.retained} == {"birth", "status", "ack"}
