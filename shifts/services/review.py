"""Marks on shifts that a person must look at before they are confirmed."""

from datetime import datetime

from fleets import audit
from shifts.models import Shift
from voltop.context import Actor
from voltop.errors import ReasonRequired


def mark_for_review(shift: Shift, reason: str) -> None:
    """A person must look at the shift before it is confirmed. `reason` is a short code."""
    reasons = Shift.objects.values_list("review_reasons", flat=True).get(pk=shift.pk)
    if reason not in reasons:
        Shift.objects.filter(pk=shift.pk).update(
            marked_for_review=True, review_reasons=[*reasons, reason]
        )


def clear_review(shift: Shift, *, actor: Actor, at: datetime, reason: str) -> None:
    """A person has looked; audited. Raises ReasonRequired (400)."""
    if not reason.strip():
        raise ReasonRequired(field="reason", review_reasons=shift.review_reasons)
    audit.record(
        "shift.review_cleared",
        shift,
        actor=actor,
        at=at,
        changes={"review_reasons": (shift.review_reasons, [])},
        reason=reason.strip(),
    )
    Shift.objects.filter(pk=shift.pk).update(marked_for_review=False, review_reasons=[])
    shift.refresh_from_db()
