"""Rules of fleets that somebody can break."""

from django.utils.translation import gettext_lazy as _

from voltop.errors import DomainError


class ProviderRequired(DomainError):
    code = "provider_required"
    status = 403
    message = _("You work for several providers: name one in X-Voltop-Provider.")


class ProviderNotActive(DomainError):
    code = "provider_not_active"
    message = _("The provider is not active: nothing new can be started.")


class ProviderBlocked(DomainError):
    """`extra.blockers` lists everything that stands in the way of closing."""

    code = "provider_blocked"
    message = _("Something still stands in the way of closing this provider.")


class LimitReached(DomainError):
    """`extra` tells which limit, and its value."""

    code = "limit_reached"
    message = _("The provider's limit is reached.")


class AlreadyMember(DomainError):
    code = "already_member"
    message = _("This person already has a role here.")


class LastOwner(DomainError):
    code = "last_owner"
    message = _("A provider keeps at least one owner.")


class DepotNameTaken(DomainError):
    code = "depot_name_taken"
    message = _("Another depot has this name.")


class DepotRetired(DomainError):
    code = "depot_retired"
    message = _("The depot is retired.")


class UnknownCountry(DomainError):
    code = "unknown_country"
    status = 400
    message = _("Not an ISO 3166-1 alpha-2 country code.")


class UnknownLanguage(DomainError):
    code = "unknown_language"
    status = 400
    message = _("Voltop does not speak this language.")


class InvalidTaxId(DomainError):
    code = "invalid_tax_id"
    status = 400
    message = _("Not a valid tax number of this country.")


class InvalidOpeningHours(DomainError):
    code = "invalid_opening_hours"
    status = 400
    message = _('Opening hours read {"mon": [["06:00", "22:00"]], …} in local time.')


class PolicyOutOfRange(DomainError):
    code = "policy_out_of_range"
    status = 400
    message = _("This policy value is outside what makes sense.")
