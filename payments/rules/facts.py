"""What happened in a window: the sums that components are applied to."""

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Facts:
    """Sums over a driver's shifts and platform entries of some local dates.

    `work_dates` counts dates with at least one shift. `entries`: smallest money units by kind of
    platform entry, signed as the company sees them.
    """

    shifts: int = 0
    work_dates: int = 0
    worked_s: int = 0
    distance_m: int = 0
    paid_m: int = 0
    trips: int = 0
    entries: dict[str, int] = field(default_factory=dict)

    def add(self, other: "Facts") -> None:
        """Take in the sums of other dates."""
        self.shifts += other.shifts
        self.work_dates += other.work_dates
        self.worked_s += other.worked_s
        self.distance_m += other.distance_m
        self.paid_m += other.paid_m
        self.trips += other.trips
        for kind, minor in other.entries.items():
            self.entries[kind] = self.entries.get(kind, 0) + minor

    def income(self, kinds: Iterable[str]) -> int:
        return sum(self.entries.get(kind, 0) for kind in kinds)


def merged(parts: Iterable[Facts]) -> Facts:
    """The sums over all parts."""
    whole = Facts()
    for part in parts:
        whole.add(part)
    return whole
