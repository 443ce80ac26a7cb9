"""The gateway's own signals, from /proc and the kernel; what is not known is absent."""

import ctypes
import os
from dataclasses import dataclass, field
from pathlib import Path

from parkgrid_contract.sample import Sample, measured
from parkgrid_contract.signals import CATALOGUE
from parkgrid_edge.delivery.outbox import Stats

_PROC = Path("/proc")
_THERMAL = Path("/sys/class/thermal")
_MIB = 1_048_576
_UNSYNCHRONISED = 0x0040
_NANOSECONDS = 0x2000
_CLOCK_ERROR = 5


class _Timex(ctypes.Structure):
    """`struct timex` of Linux, as adjtimex(2) fills it; only the first fields are read."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_char * 256),
    )


@dataclass(frozen=True, slots=True)
class Work:
    """What the agent itself counts."""

    stats: Stats | None
    """None while the outbox is not open."""
    reads_failed: int
    reconnects: int


@dataclass(slots=True)
class Health:
    """Reads the gateway's own signals; the share of CPU is that between two readings."""

    gateway: str
    outbox_folder: Path
    proc: Path = _PROC
    thermal: Path = _THERMAL
    _ticks: tuple[int, int] | None = field(default=None, init=False)

    def read(self, at_ms: int, now_ms: int, work: Work) -> Sample:
        """The gateway's health as a sample of the device that has the gateway's name.

        `at_ms` is the agent's time, `now_ms` the machine's, which batches are dated with.
        """
        found = {
            "cpu_pct": self._cpu_pct(),
            "memory_used_pct": self._memory_used_pct(),
            "agent_memory_mb": self._agent_memory_mb(),
            "disk_used_pct": self._disk_used_pct(),
            "temperature_c": self._temperature_c(),
            "uptime_s": self._uptime_s(),
            "clock_offset_ms": clock_offset_ms(),
            "reads_failed": work.reads_failed,
            "link_reconnects": work.reconnects,
            **_outbox(work.stats, now_ms),
        }
        known = {name: value for name, value in found.items() if value is not None}
        return measured(CATALOGUE["gateway"], self.gateway, at_ms, known)

    def _cpu_pct(self) -> float | None:
        numbers = [int(text) for text in _text(self.proc / "stat").partition("\n")[0].split()[1:]]
        if len(numbers) < _CLOCK_ERROR:
            return None
        # Idle time is the fourth and fifth number: idle and waiting for a disk.
        ticks = (sum(numbers[:8]), numbers[3] + numbers[4])
        before, self._ticks = self._ticks, ticks
        if before is None or ticks[0] <= before[0]:
            return None
        return max(0.0, 100 * (1 - (ticks[1] - before[1]) / (ticks[0] - before[0])))

    def _memory_used_pct(self) -> float | None:
        lines = dict(line.split(":", 1) for line in _text(self.proc / "meminfo").splitlines() if ":" in line)
        try:
            total, available = (int(lines[name].split()[0]) for name in ("MemTotal", "MemAvailable"))
        except (KeyError, ValueError, IndexError):
            return None
        return 100 * (1 - available / total) if total else None

    def _agent_memory_mb(self) -> float | None:
        pages = _text(self.proc / "self" / "statm").split()
        return int(pages[1]) * os.sysconf("SC_PAGE_SIZE") / _MIB if len(pages) > 1 else None

    def _disk_used_pct(self) -> float | None:
        try:
            room = os.statvfs(self.outbox_folder)
        except OSError:
            return None
        return 100 * (1 - room.f_bavail / room.f_blocks) if room.f_blocks else None

    def _temperature_c(self) -> float | None:
        """The hottest zone: it is the one that throttles."""
        found = [_text(zone).strip() for zone in sorted(self.thermal.glob("thermal_zone*/temp"))]
        return max((int(text) / 1000 for text in found if text.lstrip("-").isdigit()), default=None)

    def _uptime_s(self) -> float | None:
        words = _text(self.proc / "uptime").split()
        return float(words[0]) if words else None


def clock_offset_ms() -> float | None:
    """How far the kernel believes the clock to be off; absent when nothing disciplines it.

    adjtimex(2): the offset is in nanoseconds when STA_NANO is set, else in microseconds.
    """
    try:
        adjtimex = ctypes.CDLL(None, use_errno=True).adjtimex
    except (OSError, AttributeError):
        return None
    timex = _Timex()
    state = adjtimex(ctypes.byref(timex))
    if state < 0 or state == _CLOCK_ERROR or timex.status & _UNSYNCHRONISED:
        return None
    return float(timex.offset) / (1e6 if timex.status & _NANOSECONDS else 1e3)


def _outbox(stats: Stats | None, now_ms: int) -> dict[str, float | None]:
    if stats is None:
        return {}
    oldest_s = None if stats.oldest_ms is None else max(0.0, (now_ms - stats.oldest_ms) / 1000)
    return {
        "outbox_batches": stats.batches,
        "outbox_mb": stats.bytes / 1e6,
        "outbox_oldest_s": 0.0 if stats.batches == 0 else oldest_s,
        "samples_accepted": stats.accepted,
        "samples_dropped": stats.dropped,
    }


def _text(path: Path) -> str:
    try:
        return path.read_text("ascii", "replace")
    except OSError:
        return ""
