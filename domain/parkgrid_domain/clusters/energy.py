"""Whose energy it is: metered energy of accounts, split by the shares of enterprises, summed by cluster.

    registers ─▶ account (park, 户号) ─▶ share of an enterprise ─▶ its cluster
                        └────────────── what nobody has a share of ─▶ unattributed

Consumption of an account or park = import - export + PV + discharged - charged, over grid meters where it has them,
over its sub-meters where it has none. The parts and the unattributed rest always come to the whole.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal

from parkgrid_domain.clusters.enterprise_file import StatedAccount, StatedEnterprise

_IMPORT, _EXPORT = "energy_import_kwh", "energy_export_kwh"
_PV = ("pv_inverter", "energy_generated_kwh")
_CHARGED = ("storage", "energy_charged_kwh")
_DISCHARGED = ("storage", "energy_discharged_kwh")
SIGNALS = (
    ("grid_meter", _IMPORT),
    ("grid_meter", _EXPORT),
    ("meter", _IMPORT),
    ("meter", _EXPORT),
    _PV,
    _CHARGED,
    _DISCHARGED,
)
"""Class and signal of every register that counts."""
_HUNDRED = Decimal(100)


@dataclass(frozen=True, slots=True)
class Metered:
    """What the registers of one class and signal of an account metered in a month."""

    park: str
    account: str
    """Empty where devices name none."""
    device_class: str
    signal: str
    month: date
    energy_wh: int | None
    """What is known; None when nothing is."""
    known_s: int
    """Register-seconds whose energy is known."""
    expected_s: int
    """Register-seconds of the month."""
    registers: int = 1
    estimated_s: int = 0
    """What of the known register-seconds is an estimate."""


@dataclass(frozen=True, slots=True)
class Energy:
    """An amount of energy with how much of the time it is known and estimated for; amounts can be added and scaled."""

    energy_wh: Decimal = Decimal()
    known_s: Decimal = Decimal()
    expected_s: Decimal = Decimal()
    estimated_s: Decimal = Decimal()

    def __add__(self, other: "Energy") -> "Energy":
        """The sum of both, their times added."""
        return Energy(
            self.energy_wh + other.energy_wh,
            self.known_s + other.known_s,
            self.expected_s + other.expected_s,
            self.estimated_s + other.estimated_s,
        )

    def part(self, share: Decimal) -> "Energy":
        """A share (0 to 1) of it; the times weigh as much as the energy."""
        return Energy(self.energy_wh * share, self.known_s * share, self.expected_s * share, self.estimated_s * share)

    @property
    def coverage_pct(self) -> float:
        """How much of the expected time is known; 0 without metering points."""
        return float(_HUNDRED * self.known_s / self.expected_s) if self.expected_s else 0.0

    @property
    def estimated_pct(self) -> float:
        """How much of the known time is an estimate; 0 where nothing is known."""
        return float(_HUNDRED * self.estimated_s / self.known_s) if self.known_s else 0.0

    @property
    def energy_kwh(self) -> Decimal:
        """The energy in kWh."""
        return self.energy_wh / 1000


@dataclass(frozen=True, slots=True)
class Energies:
    """The energies of one account, cluster or park; None where no metering point tells."""

    consumption: Energy | None = None
    pv: Energy | None = None
    discharged: Energy | None = None

    def __add__(self, other: "Energies") -> "Energies":
        """The sum of both."""
        return Energies(
            _sum(self.consumption, other.consumption),
            _sum(self.pv, other.pv),
            _sum(self.discharged, other.discharged),
        )

    def part(self, share: Decimal) -> "Energies":
        """A share (0 to 1) of each."""
        return Energies(
            self.consumption and self.consumption.part(share),
            self.pv and self.pv.part(share),
            self.discharged and self.discharged.part(share),
        )


@dataclass(slots=True)
class ClusterEnergy:
    """What a cluster's enterprises used, and how many of their accounts are metered."""

    energies: Energies = field(default_factory=Energies)
    accounts: set[tuple[str, str, str, Decimal]] = field(default_factory=set)
    """Park, account, enterprise and share in per cent."""
    metered: set[tuple[str, str, str, Decimal]] = field(default_factory=set)
    points: set[tuple[str, str, str, str, int]] = field(default_factory=set)
    """Park, account, class, signal and number of the registers behind it: what growth is compared on."""

    @property
    def all_metered(self) -> bool:
        """Whether every account of its enterprises has a metering point of consumption."""
        return self.accounts == self.metered


@dataclass(frozen=True, slots=True)
class Attribution:
    """The energy of all parks in some months, by whose it is."""

    total: Energies
    clusters: Mapping[str, ClusterEnergy]
    parks: Mapping[str, Energies]
    attributed: Mapping[str, Energies]
    """By park: what some enterprise has a share of."""

    def unattributed_wh(self, park: str) -> Decimal | None:
        """A park's consumption that is nobody's; below 0 where shares and sub-meters overlap."""
        whole, parts = self.parks[park].consumption, self.attributed.get(park, Energies()).consumption
        return None if whole is None else whole.energy_wh - (parts.energy_wh if parts else 0)


def attribute(
    metered: Iterable[Metered],
    accounts: Sequence[StatedAccount],
    enterprises: Mapping[str, StatedEnterprise],
    months: Sequence[date],
) -> Attribution:
    """Split the energy of months by the shares that hold in each of them."""
    by_park: dict[tuple[str, date], list[Metered]] = defaultdict(list)
    by_account: dict[tuple[str, str, date], list[Metered]] = defaultdict(list)
    for each in metered:
        by_park[each.park, each.month].append(each)
        by_account[each.park, each.account, each.month].append(each)
    parks: dict[str, Energies] = defaultdict(Energies)
    for (park, _), entries in by_park.items():
        parks[park] += energies_of(entries)
    clusters: dict[str, ClusterEnergy] = defaultdict(ClusterEnergy)
    attributed: dict[str, Energies] = defaultdict(Energies)
    for month in months:
        for held in (each for each in accounts if each.holds(month)):
            entries = by_account.get((held.park, held.account, month), [])
            part = energies_of(entries).part(held.share_pct / _HUNDRED)
            attributed[held.park] += part
            cluster = clusters[enterprises[held.enterprise].cluster]
            _book(cluster, held, part)
            cluster.points |= {
                (each.park, each.account, each.device_class, each.signal, each.registers) for each in entries
            }
    return Attribution(sum(parks.values(), Energies()), dict(clusters), dict(parks), dict(attributed))


def _book(cluster: ClusterEnergy, held: StatedAccount, part: Energies) -> None:
    key = (held.park, held.account, held.enterprise, held.share_pct)
    cluster.energies += part
    cluster.accounts.add(key)
    if part.consumption is not None:
        cluster.metered.add(key)


def energies_of(entries: Iterable[Metered]) -> Energies:
    """What registers of one account or park amount to."""
    sums: dict[tuple[str, str], Energy] = defaultdict(Energy)
    for each in entries:
        sums[each.device_class, each.signal] += Energy(
            Decimal(each.energy_wh or 0),
            Decimal(each.known_s),
            Decimal(each.expected_s),
            Decimal(each.estimated_s),
        )
    meters = "grid_meter" if ("grid_meter", _IMPORT) in sums else "meter"
    pv, discharged = sums.get(_PV), sums.get(_DISCHARGED)
    if (meters, _IMPORT) not in sums:
        return Energies(None, pv, discharged)
    minus = Decimal(-1)
    consumption = sums[meters, _IMPORT]
    for key, sign in (((meters, _EXPORT), minus), (_PV, Decimal(1)), (_DISCHARGED, Decimal(1)), (_CHARGED, minus)):
        if part := sums.get(key):
            consumption += replace(part, energy_wh=part.energy_wh * sign)
    return Energies(consumption, pv, discharged)


def _sum(one: Energy | None, other: Energy | None) -> Energy | None:
    return other if one is None else one if other is None else one + other
