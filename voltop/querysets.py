"""Scoping: the chainable reads that keep one provider's rows apart from another's.

`unscoped()` is the only way to see several providers; it is spelled out so that it can be searched
for. Not here: who may read at all (`fleets.backends`).
"""

from typing import Self, TypeVar

from django.db import models

M = TypeVar("M", bound=models.Model)


class ProviderQuerySet(models.QuerySet[M]):
    """Rows of one provider; fails closed: without a provider there is nothing to see."""

    def for_provider(self, provider_id: int | None) -> Self:
        if provider_id is None:
            return self.none()
        return self.filter(provider_id=provider_id)

    def unscoped(self) -> Self:
        """Rows of all providers: for platform staff with the permission, and for jobs."""
        return self.all()

    company = "provider"
    """The way from a row to its company."""

    def counted_for(self, provider_id: int | None) -> Self:
        """What figures count: one provider's rows, or (None) those of all real companies."""
        if provider_id is not None:
            return self.for_provider(provider_id)
        return self.unscoped().filter(**{f"{self.company}__sandbox_of__isnull": True})

    def seen_from(self, provider_id: int | None) -> Self:
        """One provider's rows, or all of them for platform staff (None): only after a check.

        For pages of the admin whose caller has already been found to be platform staff.
        """
        return self.unscoped() if provider_id is None else self.for_provider(provider_id)
