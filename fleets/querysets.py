"""Scoping of fleets' own tables; the general form is `voltop.querysets.ProviderQuerySet`."""

import re
from typing import Any, Self

from voltop.querysets import M, ProviderQuerySet

__all__ = ["FleetProviderQuerySet", "M", "ProviderQuerySet", "UserQuerySet"]


class FleetProviderQuerySet(ProviderQuerySet[M]):
    """A provider belongs to itself."""

    def for_provider(self, provider_id: int | None) -> Self:
        return self.none() if provider_id is None else self.filter(pk=provider_id)


class UserQuerySet(ProviderQuerySet[M]):
    """People belong where they have a standing membership."""

    def with_login(self, name: str) -> Self:
        """Whom a log-in name means: an e-mail in any case, or a phone, spaces and all."""
        name = name.strip()
        if name.startswith("+"):
            return self.filter(phone=re.sub(r"[ ()./-]", "", name))
        return self.filter(email=name.lower())

    def for_provider(self, provider_id: int | None) -> Self:
        if provider_id is None:
            return self.none()
        memberships: Any = self.model._meta.get_field("memberships").related_model
        standing = memberships._base_manager.filter(provider_id=provider_id, ended_at__isnull=True)
        return self.filter(pk__in=standing.values("user_id"))
