"""Scoping of fleets' own tables; the general form is `voltop.querysets.ProviderQuerySet`."""

import re
from typing import Any, Self

from voltop.querysets import M, ProviderQuerySet

__all__ = ["FleetProviderQuerySet", "M", "ProviderQuerySet", "UserQuerySet", "login_name"]


def login_name(typed: str) -> str:
    """A log-in name as it is stored, however it was typed: e-mail in small letters, or E.164."""
    name = typed.strip()
    return re.sub(r"[ ()./-]", "", name) if name.startswith("+") else name.lower()


class FleetProviderQuerySet(ProviderQuerySet[M]):
    """A provider belongs to itself."""

    def for_provider(self, provider_id: int | None) -> Self:
        return self.none() if provider_id is None else self.filter(pk=provider_id)


class UserQuerySet(ProviderQuerySet[M]):
    """People belong where they have a standing membership."""

    def with_login(self, name: str) -> Self:
        """Whom a log-in name means: an e-mail in any case, or a phone, spaces and all."""
        name = login_name(name)
        return self.filter(phone=name) if name.startswith("+") else self.filter(email=name)

    def for_provider(self, provider_id: int | None) -> Self:
        if provider_id is None:
            return self.none()
        memberships: Any = self.model._meta.get_field("memberships").related_model
        standing = memberships._base_manager.filter(provider_id=provider_id, ended_at__isnull=True)
        return self.filter(pk__in=standing.values("user_id"))
