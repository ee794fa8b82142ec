"""Which papers of drivers a company can demand, by the names that its policy gives them.

A list of its own, below drivers, because the policy names them. Not here: the papers themselves
(`drivers.models.DriverDocument`), and those of vehicles.
"""

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _


class DriverPaper(models.TextChoices):
    DRIVING_LICENCE = "driving_licence", _("driving licence")
    PASSENGER_TRANSPORT_LICENCE = "passenger_transport_licence", _("passenger transport licence")
    NATIONAL_ID = "national_id", _("identity document")
    TAX_CERTIFICATE = "tax_certificate", _("tax certificate")
    RESIDENCE_PERMIT = "residence_permit", _("residence permit")
    WORK_PERMIT = "work_permit", _("work permit")
    PROOF_OF_ADDRESS = "proof_of_address", _("proof of address")
    CRIMINAL_RECORD = "criminal_record", _("criminal record certificate")
    MEDICAL_CERTIFICATE = "medical_certificate", _("medical certificate")
    OTHER = "other", _("other paper")


def demandable(value: object) -> None:
    """A list of papers, none twice; "other" is none that anybody could demand."""
    known = set(DriverPaper.values) - {DriverPaper.OTHER.value}
    if not isinstance(value, list) or len({*map(str, value)}) != len(value):
        raise ValidationError(_("A list of papers, none twice."), code="invalid_choice")
    if not known.issuperset(value):
        raise ValidationError(
            _("One of %(known)s."),
            params={"known": ", ".join(sorted(known))},
            code="invalid_choice",
        )
