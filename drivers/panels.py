"""What stands below a driver's page in the admin: likely duplicates, face checks, erasure."""

from typing import Any

from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from drivers.duplicates import WAYS, twins_of
from drivers.models import Driver, DriverStatus, FaceCheck, FaceTemplate
from drivers.services.erasure import is_erased
from voltop import clock
from voltop.panels import Panel
from voltop.words import moment

LATEST = 5


def likely_duplicates(driver: Driver, provider_id: int | None) -> Panel:
    """Others of the driver's own company, whoever looks."""
    return Panel(
        _("May be the same person"),
        (_("driver"), _("state"), _("alike by")),
        [
            (
                format_html(
                    '<a href="/admin/drivers/driver/{}/change/">{}</a>',
                    twin.driver.pk,
                    twin.driver.name,
                ),
                twin.driver.get_status_display(),
                ", ".join(str(WAYS[way]) for way in twin.ways),
            )
            for twin in twins_of(driver)
        ],
        "drivers.change_driver",
        _("A hint, never a block: brothers share a phone, a couple an account."),
    )


def face(driver: Driver, provider_id: int | None) -> Panel:
    """Whether a face is enrolled, and the latest checks; a template is never shown."""
    template = FaceTemplate.objects.filter(driver=driver).first()
    checks = FaceCheck.objects.of(driver.pk, until=clock.now())[:LATEST]
    note: Any = _("No face is enrolled.")
    if template is not None:
        note = _("Enrolled %(when)s, with consent to the text %(version)s.") % {
            "when": moment(template.consented_at),
            "version": template.consent_version,
        }
    return Panel(
        _("Face"),
        (_("when"), _("result"), _("distance"), _("at most"), _("why")),
        [
            (
                moment(check.at),
                check.get_result_display(),
                "–" if check.distance is None else f"{check.distance:.2f}",
                "–" if check.threshold is None else f"{check.threshold:.2f}",
                check.reason or check.refusal or "–",
            )
            for check in checks
        ],
        "drivers.view_facecheck",
        note,
    )


def erasure(driver: Driver, provider_id: int | None) -> Panel:
    """The way to erase somebody who has left, or that it is done."""
    note: Any = _("Possible once the driver has left for good.")
    if is_erased(driver):
        note = _("Erased: who this was is not known any more.")
    elif driver.status == DriverStatus.TERMINATED:
        address = reverse("admin:drivers_driver_erase", args=[driver.pk])
        note = format_html('<a href="{}">{}</a>', address, _("Erase this driver for good"))
    return Panel(_("Erasure"), (_("state"),), [(note,)], "drivers.erase_driver")
