"""What a figure is about: a whole park, or the devices behind one gateway, device, feeder, transformer or account."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scope:
    """A park, narrowed by as many of its parts as are given (站-线-变-户)."""

    park: str
    gateway: str | None = None
    device: str | None = None
    line: str | None = None
    """The feeder (线路)."""
    transformer: str | None = None
    """The transformer district (台区)."""
    account: str | None = None
    """The account that is billed (户号)."""

    def __str__(self) -> str:
        """The park, and whatever narrows it, as `park/part=value`."""
        return "/".join((self.park, *(f"{name}={value}" for name, value in self.parameters().items() if value)))

    def parameters(self) -> dict[str, str | None]:
        """What narrows the park, by name; `None` where nothing does."""
        return {
            "gateway": self.gateway,
            "device": self.device,
            "line": self.line,
            "transformer": self.transformer,
            "account": self.account,
        }
