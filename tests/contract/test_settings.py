"""Settings: all problems at once, each with file, key, value and remedy; the environment wins."""

from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import pytest

from parkgrid_contract.settings import PORT, SettingsError, above, load, setting

pytestmark = pytest.mark.edge


class Parity(Enum):
    NONE = "none"
    EVEN = "even"


@dataclass(frozen=True)
class Uplink:
    host: str = setting("127.0.0.1", help="broker")
    port: int = setting(1883, help="broker's port", check=PORT)
    password: str | None = setting(None, help="secret")


@dataclass(frozen=True)
class Device:
    id: str = setting(help="identifier")
    period_s: float = setting(1.0, help="seconds between readings", check=above(0, "s"))
    parity: Parity = setting(Parity.NONE, help="serial parity")
    ratings: dict[str, float] = setting(factory=dict, help="nameplate")


@dataclass(frozen=True)
class Settings:
    gateway: str = setting(help="identifier of this gateway")
    uplink: Uplink
    devices: tuple[Device, ...] = setting(factory=tuple, help="what to read")
    path: Path | None = setting(None, help="a file")
    read_only: bool = setting(default=True, help="never write")

    def problems(self) -> list[tuple[str, object, str]]:
        seen: set[str] = set()
        found: list[tuple[str, object, str]] = []
        for index, device in enumerate(self.devices):
            if device.id in seen:
                found.append((f"devices[{index}].id", device.id, "is used twice"))
            seen.add(device.id)
        return found


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "role.toml"
    path.write_text(text)
    return path


def problems_of(path: Path | None, environment: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load(Settings, path, environment or {}, "edge")
    return [str(problem) for problem in caught.value.problems]


def test_a_complete_file(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        'gateway="gw"\npath="x"\nread_only=false\n[uplink]\nport=8883\n'
        '[[devices]]\nid="a"\nperiod_s=2\nparity="even"\nratings={rated_power_kw=5}\n',
    )
    settings = load(Settings, path, {}, "edge")
    assert settings == Settings(
        gateway="gw",
        uplink=Uplink(port=8883),
        devices=(Device("a", 2.0, Parity.EVEN, {"rated_power_kw": 5.0}),),
        path=Path("x"),
        read_only=False,
    )
    assert type(settings.devices[0].period_s) is float


def test_the_environment_wins_and_may_stand_alone() -> None:
    environment = {
        "PARKGRID_EDGE_GATEWAY": "gw",
        "PARKGRID_EDGE_UPLINK_PORT": "1884",
        "PARKGRID_EDGE_UPLINK_PASSWORD": "12345",
        "PARKGRID_EDGE_READ_ONLY": "false",
    }
    settings = load(Settings, None, environment, "edge")
    assert (settings.gateway, settings.uplink.port, settings.uplink.password) == ("gw", 1884, "12345")
    assert settings.read_only is False


def test_all_problems_come_at_once(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        'gatewy="gw"\nread_only="maybe"\n[uplink]\nport=0\nhots="x"\n'
        '[[devices]]\nid="a"\nperiod_s=-1\n[[devices]]\nperiod_s=true\nparity="odd"\n',
    )
    found = problems_of(path)
    assert sorted(found) == sorted(
        [
            f"{path}: gatewy = 'gw': unknown key; did you mean 'gateway'?",
            f"{path}: gateway: is required: identifier of this gateway",
            f"{path}: read_only = 'maybe': must be true or false",
            f"{path}: uplink.port = 0: must be between 1 and 65535",
            f"{path}: uplink.hots = 'x': unknown key; did you mean 'host'?",
            f"{path}: devices[0].period_s = -1.0: must be above 0 s",
            f"{path}: devices[1].id: is required: identifier",
            f"{path}: devices[1].period_s = True: must be a number",
            f"{path}: devices[1].parity = 'odd': must be one of 'none', 'even'",
        ],
    )


def test_rules_across_fields_are_the_settings_own(tmp_path: Path) -> None:
    path = write(tmp_path, 'gateway="gw"\n[[devices]]\nid="a"\n[[devices]]\nid="a"\n')
    assert problems_of(path) == [f"{path}: devices[1].id = 'a': is used twice"]


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("gateway=", "is not valid TOML"),
        ("\t=\x00", "is not valid TOML"),
        ('gateway="a"\ngateway="b"', "is not valid TOML"),
        ("x='" + "y" * 2_000_000 + "'", "at most 1048576"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(tmp_path: Path, text: str, remedy: str) -> None:
    (problem,) = problems_of(write(tmp_path, text))
    assert remedy in problem


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path / "absent.toml")
    assert "absent.toml" in problem
    assert "create it or name another file" in problem


@pytest.mark.parametrize(
    ("environment", "part"),
    [
        ({"PARKGRID_EDGE_GATEWAY": "g", "PARKGRID_EDGE_UPLINK_PORT": "many"}, "PARKGRID_EDGE_UPLINK_PORT = 'many'"),
        ({"PARKGRID_EDGE_GATEWAY": "g", "PARKGRID_EDGE_READ_ONLY": "perhaps"}, "must be true or false"),
    ],
)
def test_a_wrong_environment_value_is_named(environment: dict[str, str], part: str) -> None:
    assert any(part in problem for problem in problems_of(None, environment))
