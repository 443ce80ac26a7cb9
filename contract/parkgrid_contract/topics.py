"""MQTT topics of wire v1: `parkgrid/v1/{park}/{gateway}/{channel}`."""

from enum import StrEnum

from parkgrid_contract.identity import IDENTIFIER, Gateway
from parkgrid_contract.refusal import Reason, RefusedError

PREFIX = "parkgrid/v1"


class Channel(StrEnum):
    """The last level of a topic: its content, and so who may write it."""

    BIRTH = "birth"
    STATUS = "status"
    TELEMETRY = "telemetry"
    ACK = "ack"
    COMMAND = "command"
    RESULT = "result"

    @property
    def retained(self) -> bool:
        """Whether the broker keeps the last message for new subscribers."""
        return self in {Channel.BIRTH, Channel.STATUS, Channel.ACK}


def topic(gateway: Gateway, channel: Channel) -> str:
    """The topic of one gateway's channel."""
    return f"{PREFIX}/{gateway.park}/{gateway.gateway}/{channel.value}"


def subscription(channel: Channel) -> str:
    """The filter for one channel of every gateway."""
    return f"{PREFIX}/+/+/{channel.value}"


_CHANNELS = {channel.value: channel for channel in Channel}
_PREFIX_LEVELS = PREFIX.split("/")


def parse_topic(text: str) -> tuple[Gateway, Channel]:
    """Gateway and channel of a topic; anything else raises `RefusedError`: extra levels, wildcards, odd characters."""
    levels = text.split("/")
    if len(levels) == len(_PREFIX_LEVELS) + 3 and levels[:2] == _PREFIX_LEVELS:
        park, gateway, name = levels[2:]
        channel = _CHANNELS.get(name)
        if channel is not None and IDENTIFIER.fullmatch(park) and IDENTIFIER.fullmatch(gateway):
            return Gateway(park, gateway), channel
    raise RefusedError(Reason.WRONG_TOPIC, "topic", text)
