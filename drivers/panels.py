"""What stands below a driver's page in the admin: who may be the same person."""

from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from drivers.duplicates import WAYS, twins_of
from drivers.models import Driver
from voltop.panels import Panel


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
