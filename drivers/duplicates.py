"""Who may be the same person as somebody who was there before, within one company.

By the same identity number, phone, number of a paper, or bank account. Only a hint for people,
never a reason to refuse: brothers share a phone, and a couple an account. Another company's people
are never looked at.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from drivers.models import Driver, DriverDocument, DriverStatus, PayoutAccount

WAYS = {
    "national_id": _("identity number"),
    "phone": _("phone"),
    "document": _("number of a paper"),
    "payout_account": _("bank account"),
}


@dataclass(frozen=True, slots=True)
class Twin:
    """Another driver of the company, and by what the two are alike."""

    driver: Driver
    ways: tuple[str, ...]


def likely_duplicates(rows: QuerySet[Driver]) -> QuerySet[Driver]:
    """Those of the drivers who are like an earlier one of their company; none who has left."""
    before = Driver.objects.unscoped().filter(provider=OuterRef("provider"), pk__lt=OuterRef("pk"))
    same_id = before.filter(identity_fingerprint=OuterRef("identity_fingerprint"))
    same_phone = before.filter(phone=OuterRef("phone")).exclude(phone="")
    alike = (
        Q(Exists(same_id))
        | Q(Exists(same_phone))
        | Q(Exists(_shared(DriverDocument.objects.unscoped())))
        | Q(Exists(_shared(PayoutAccount.objects.unscoped().current())))
    )
    return rows.exclude(status=DriverStatus.TERMINATED).filter(alike)


def _shared(prints: QuerySet[Any]) -> QuerySet[Any]:
    """Rows of the driver whose fingerprint an earlier driver of the company has too."""
    earlier = prints.filter(
        provider=OuterRef("provider"),
        fingerprint=OuterRef("fingerprint"),
        driver__lt=OuterRef("driver"),
    )
    return prints.filter(driver=OuterRef("pk"), fingerprint__isnull=False).filter(Exists(earlier))


def twins_of(driver: Driver) -> list[Twin]:
    """Everybody of the driver's company who is like them, earlier or later, and how."""
    found: dict[int, list[str]] = {}
    for way, keys in _alike(driver):
        for key in keys:
            found.setdefault(key, []).append(way)
    drivers = Driver.objects.for_provider(driver.provider_id).in_bulk(found)
    return [Twin(drivers[key], tuple(ways)) for key, ways in sorted(found.items())]


def _alike(driver: Driver) -> Iterator[tuple[str, QuerySet[Any]]]:
    others = Driver.objects.for_provider(driver.provider_id).exclude(pk=driver.pk)
    for way, column in (("national_id", "identity_fingerprint"), ("phone", "phone")):
        if value := getattr(driver, column):
            yield way, others.filter(**{column: value}).values_list("pk", flat=True)
    for way, rows in (
        ("document", DriverDocument.objects.for_provider(driver.provider_id)),
        ("payout_account", PayoutAccount.objects.for_provider(driver.provider_id).current()),
    ):
        own = rows.filter(driver=driver, fingerprint__isnull=False).values("fingerprint")
        same = rows.filter(fingerprint__in=own).exclude(driver=driver)
        yield way, same.values_list("driver_id", flat=True).distinct()
