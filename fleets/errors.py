"""Rules of fleets that somebody can break."""

from django.utils.translation import gettext_lazy as _

from voltop.errors import DomainError


class ProviderRequired(DomainError):
    code = "provider_required"
    status = 403
    message = _("You work for several providers: name one in X-Voltop-Provider.")


class InvalidRef(DomainError):
    """`field` says whether it is the system or the id."""

    code = "invalid_ref"
    status = 400
    message = _(
        "A system is up to 40 of a-z, 0-9, dot, dash and underscore; an id is up to 120 characters."
    )


class RefTaken(DomainError):
    """`extra.object_id` is the object that has this id in the system."""

    code = "ref_taken"
    message = _("Another object has this id in that system.")
    constraints = ("fleets_externalref_once", "fleets_externalref_one_id")


class ImportUnderWay(DomainError):
    """`extra.data_import` is the import that is doing it."""

    code = "import_under_way"
    message = _("This very file is being imported already: wait for its end.")


class ImportFileGone(DomainError):
    code = "import_file_gone"
    message = _("The file is kept no longer: send it again.")


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
    constraints = ("fleets_membership_one_per_provider",)
    message = _("This person already has a role here.")


class LastOwner(DomainError):
    code = "last_owner"
    message = _("A provider keeps at least one owner.")


class DepotNameTaken(DomainError):
    code = "depot_name_taken"
    constraints = ("fleets_depot_name_unique",)
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


class NoCredentials(DomainError):
    """Base of what keeps a caller out; never tells which part was wrong."""

    status = 401


class InvalidToken(NoCredentials):
    """Forged, expired, logged out or of another person's making: all alike."""

    code = "invalid_token"
    message = _("The access token is not valid, or no longer: refresh it or log in.")


class InvalidCredentials(NoCredentials):
    """Unknown name, wrong password, disabled person: all alike."""

    code = "invalid_credentials"
    message = _("This log-in name and password do not belong together.")


class InvalidRefreshToken(NoCredentials):
    code = "invalid_refresh_token"
    message = _("The refresh token is not valid, or no longer: log in again.")


class InvalidCode(NoCredentials):
    """Wrong, expired, used, tried too often, replaced by a newer one, never sent: all alike."""

    code = "invalid_code"
    message = _("The code is not valid, or no longer: ask for a new one.")


class TooManyAttempts(DomainError):
    """Answered alike for known and unknown log-in names; Retry-After says when."""

    code = "too_many_attempts"
    status = 429
    message = _("Too many attempts: wait and try again.")


class SecondFactorRequired(NoCredentials):
    """`extra.challenge` goes to auth/second-factor/log-in with a code, within five minutes."""

    code = "second_factor_required"
    message = _("The password is right: now show your second factor.")


class FaceRequired(NoCredentials):
    """`extra.challenge` goes to auth/face/log-in with a photo, within five minutes; `extra.company`
    is whose rules ask for it."""

    code = "face_required"
    message = _("One more step: show your face.")


class SecondFactorMissing(DomainError):
    """Set one up under auth/second-factor; it counts at once."""

    code = "second_factor_missing"
    status = 403
    message = _("For your role this company asks for a second factor at log-in.")


class FreshSecondFactorRequired(DomainError):
    """Show it at auth/second-factor/verify, then send the very same request again."""

    code = "fresh_second_factor_required"
    status = 403
    message = _("Show your second factor first; it counts for five minutes.")


class InvalidSecondFactor(DomainError):
    """Wrong, of another time, or taken already: all alike."""

    code = "invalid_second_factor"
    status = 400
    message = _("The code of your second factor is not valid, or was used already.")


class NoSecondFactor(DomainError):
    code = "no_second_factor"
    message = _("You have no second factor.")


class SecondFactorExists(DomainError):
    code = "second_factor_exists"
    message = _("You have a second factor already: remove it first.")


class WrongPassword(DomainError):
    code = "wrong_password"
    status = 400
    message = _("This is not your present password.")


class WeakPassword(DomainError):
    """`extra.rules` lists what the new password breaks."""

    code = "weak_password"
    status = 400
    message = _("The new password is too easy to guess.")


class UnknownScope(DomainError):
    """`extra.scopes` lists those that do not exist or that no machine may have."""

    code = "unknown_scope"
    status = 400
    message = _("No such scope can be granted to an API client.")


class ClientRevoked(DomainError):
    code = "client_revoked"
    message = _("The API client is revoked.")


class SandboxExists(DomainError):
    """`extra.company` is the one that is there."""

    code = "sandbox_exists"
    constraints = ("fleets_provider_one_sandbox",)
    message = _("The API client has a company for tests already.")


class NotASandbox(DomainError):
    code = "not_a_sandbox"
    message = _("This is no company for tests: nothing of it is thrown away.")


class SandboxApart(DomainError):
    """No company for tests of a company for tests; no vehicle from one kind to the other."""

    code = "sandbox_apart"
    message = _("Companies for tests and real ones are kept apart.")


class SandboxAddress(DomainError):
    """`extra.domain` is the domain in which everybody of a company for tests has an e-mail."""

    code = "sandbox_address"
    status = 400
    message = _(
        "A company for tests has e-mail addresses of a domain of its own, which no other has."
    )


class UnknownEventKind(DomainError):
    """`extra.kinds` lists what is no choice of events."""

    code = "unknown_event_kind"
    status = 400
    message = _('Choose events like "shift.ended", "shift.*" or "*".')


class EndpointNotActive(DomainError):
    code = "endpoint_not_active"
    message = _("The webhook endpoint is not active: nothing is sent to it.")


class EndpointRetired(DomainError):
    code = "endpoint_retired"
    message = _("The webhook endpoint has ended for good.")


class DeliveryRefused(DomainError):
    """`extra.status` is the code of the answer. Met in the log of deliveries, not in an answer."""

    code = "delivery_refused"
    status = 502
    message = _("The webhook endpoint did not answer with a 2xx.")


class EventsForgotten(DomainError):
    """`extra.oldest` is the lowest number still kept: read the objects anew, go on from there."""

    code = "events_forgotten"
    status = 410
    message = _("Events after this number are no longer kept in full.")


class InvalidPosition(DomainError):
    code = "invalid_position"
    status = 400
    message = _("A position is a latitude and a longitude in degrees (WGS 84), both or none.")


class NotAssignable(DomainError):
    code = "not_assignable"
    status = 400
    message = _("This person does not do that work here.")


class ClosesByItself(DomainError):
    """An item of the inbox whose kind stays until its cause has ended."""

    code = "closes_by_itself"
    message = _("This stays until its cause is gone: it closes by itself.")


class SnoozeInPast(DomainError):
    code = "snooze_in_past"
    status = 400
    message = _("Put it off until a time within the next 90 days.")


class ItemClosed(DomainError):
    code = "item_closed"
    message = _("There is nothing more to do here: its cause is gone.")


class QuietHoursOdd(DomainError):
    code = "quiet_hours_odd"
    status = 400
    message = _("Quiet hours have a start and another end, or neither.")
