"""Scoping of fleets' own tables; the general form is `voltop.querysets.ProviderQuerySet`."""

import re
from collections.abc import Iterable
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any, Self

from django.db.models import Q

from voltop.querysets import M, ProviderQuerySet

__all__ = [
    "FleetProviderQuerySet",
    "InboxQuerySet",
    "M",
    "NoticeQuerySet",
    "ProviderQuerySet",
    "UserQuerySet",
    "login_name",
]


def login_name(typed: str) -> str:
    """A log-in name as it is stored, however it was typed: e-mail in small letters, or E.164."""
    name = typed.strip()
    return re.sub(r"[ ()./-]", "", name) if name.startswith("+") else name.lower()


class FleetProviderQuerySet(ProviderQuerySet[M]):
    """A provider belongs to itself."""

    def standing(self) -> Self:
        """All that are not closed."""
        return self.exclude(status="closed")

    def for_provider(self, provider_id: int | None) -> Self:
        return self.none() if provider_id is None else self.filter(pk=provider_id)


class UserQuerySet(ProviderQuerySet[M]):
    """People belong where they have a standing membership that they have taken up."""

    def with_login(self, name: str) -> Self:
        """Whom a log-in name means: an e-mail in any case, or a phone, spaces and all."""
        name = login_name(name)
        return self.filter(phone=name) if name.startswith("+") else self.filter(email=name)

    def for_provider(self, provider_id: int | None) -> Self:
        if provider_id is None:
            return self.none()
        memberships: Any = self.model._meta.get_field("memberships").related_model
        joined = memberships._base_manager.filter(
            provider_id=provider_id, ended_at__isnull=True, joined_at__isnull=False
        )
        return self.filter(pk__in=joined.values("user_id"))


class InboxQuerySet(ProviderQuerySet[M]):
    """Items of the inbox by how they stand at an instant."""

    def standing(self) -> Self:
        """Those whose cause holds."""
        return self.filter(closed_at__isnull=True)

    def set_aside(self, at: datetime) -> Self:
        """Put off until later, or done as far as a person can."""
        return self.standing().filter(Q(snoozed_until__gt=at) | Q(done_at__isnull=False))

    def in_states(self, states: Iterable[str], at: datetime) -> Self:
        """As `InboxItem.state_at` would tell it."""
        standing, undone = (
            Q(closed_at__isnull=True),
            Q(closed_at__isnull=True, done_at__isnull=True),
        )
        later = Q(snoozed_until__gt=at)
        meant = {
            "open": undone & ~later,
            "snoozed": undone & later,
            "done": standing & Q(done_at__isnull=False),
            "closed": ~standing,
        }
        return self.filter(reduce(or_, (meant[state] for state in states)))


class NoticeQuerySet(ProviderQuerySet[M]):
    """Notices of a company, and with them those about a person's own account."""

    def for_provider(self, provider_id: int | None) -> Self:
        if provider_id is None:
            return self.none()
        return self.filter(Q(provider_id=provider_id) | Q(provider_id__isnull=True))

    def unread(self) -> Self:
        return self.filter(read_at__isnull=True)
