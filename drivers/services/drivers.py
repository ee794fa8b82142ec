"""A driver's life: invited, onboarding, active, suspended, leaving, terminated."""

from datetime import date, datetime
from typing import Any

from django.conf import settings
from django.db import transaction

from drivers import identities
from drivers.errors import (
    DriverBlocked,
    DriverExists,
    DriverNotActive,
    EmployeeNumberTaken,
    InvalidBirthDate,
    LoginRequired,
)
from drivers.models import DRIVER_MACHINE, Driver, DriverStatus
from drivers.numbers import subject_of
from drivers.phones import e164
from drivers.signals import driver_moved
from fleets import audit
from fleets.errors import UnknownLanguage
from fleets.models import FleetProvider, User
from fleets.services import create_user, invitations, require_room
from voltop import clock, events, registry
from voltop.context import Actor
from voltop.errors import IllegalMove, given_reason

CHANGEABLE = {
    "depot",
    "employee_number",
    "given_name",
    "family_name",
    "phone",
    "email",
    "national_id",
    "birth_date",
    "language",
    "emergency_contact_name",
    "emergency_contact_phone",
    "hired_on",
}
PERSONAL = (
    "given_name",
    "family_name",
    "phone",
    "email",
    "national_id",
    "birth_date",
    "emergency_contact_name",
    "emergency_contact_phone",
)


@transaction.atomic
def invite_driver(
    provider: FleetProvider,
    *,
    actor: Actor,
    given_name: str,
    family_name: str,
    phone: str = "",
    email: str = "",
    at: datetime | None = None,
    **values: Any,
) -> Driver:
    """A new driver record in state invited, with a log-in by phone or e-mail, and an invitation.

    The invitation's code sets a first password; whoever accepts it is onboarding. A person who
    already has a log-in (at another company) gets a second record, never a second log-in; the
    answer does not tell which it was.
    Raises LoginRequired, InvalidPhone, InvalidBirthDate, UnknownLanguage (400), ProviderNotActive,
    LimitReached, DriverExists, EmployeeNumberTaken (409).
    """
    at = at or clock.now()
    actor.require_same_provider(*filter(None, (provider, values.get("depot"))))
    values = _checked(
        {
            "given_name": given_name,
            "family_name": family_name,
            "phone": phone,
            "email": email,
            "language": provider.language,
            **values,
        },
        at.date(),
    )
    if not values["phone"] and not values["email"]:
        raise LoginRequired(field="phone")
    require_room(provider.pk, "max_drivers", Driver.objects.for_provider(provider.pk).employed())
    user = create_user(
        actor=actor,
        full_name=f"{given_name} {family_name}",
        email=values["email"] or None,
        phone=values["phone"] or None,
        language=values["language"],
        at=at,
    )
    _require_new(provider.pk, user)
    _require_free_number(provider.pk, values.get("employee_number", ""))
    number = values.pop("national_id", "")
    driver = Driver.objects.create(provider=provider, user=user, **values)
    if number:
        sealed = identities.columns_of(driver.pk, provider.pk, number)
        Driver.objects.filter(pk=driver.pk).update(**sealed)
    DRIVER_MACHINE.open(driver, actor=actor, at=at)
    invitations.invite(user, provider, actor=actor, at=at)
    driver.refresh_from_db()
    return driver


def invite_driver_again(driver: Driver, *, actor: Actor, at: datetime | None = None) -> Driver:
    """Send a driver another invitation; the one before ends.

    Raises TooManyAttempts (429), IllegalMove (409) for one who has left for good.
    """
    actor.require_same_provider(driver)
    if driver.status == DriverStatus.TERMINATED:
        raise IllegalMove(state=driver.status, to="invited", allowed=[])
    invitations.invite_again(driver, actor=actor, at=at)
    return driver


@transaction.atomic
def update_driver(
    driver: Driver, *, actor: Actor, at: datetime | None = None, **values: Any
) -> Driver:
    """Change a driver's record; personal values are audited encrypted.

    Another phone or e-mail of somebody who has not joined is another invitation, whatever staff
    have made of the record: the one before ends. Afterwards, and once they have left for good, it
    changes where a driver is reached, not how they log in.
    Raises InvalidPhone, InvalidBirthDate, UnknownLanguage, LoginRequired (400), DriverExists,
    EmployeeNumberTaken (409).
    """
    at = at or clock.now()
    actor.require_same_provider(*filter(None, (driver, values.get("depot"))))
    values = _checked(values, at.date())
    driver = locked_with_user(driver)
    if "employee_number" in values:
        _require_free_number(driver.provider_id, values["employee_number"], but=driver.pk)
    changes = audit.diff(driver, values, personal=PERSONAL)
    if changes:
        if "national_id" in values:
            number = values.pop("national_id")
            values |= identities.columns_of(driver.pk, driver.provider_id, number)
        Driver.objects.filter(pk=driver.pk).update(**values)
        driver.refresh_from_db()
        waits = driver.joined_at is None and driver.status != DriverStatus.TERMINATED
        if waits and changes.keys() & {"phone", "email"}:
            _invite_elsewhere(driver, actor=actor, at=at)
        subject = subject_of(driver.pk)
        audit.record("driver.changed", driver, actor=actor, at=at, changes=changes, subject=subject)
        driver.refresh_from_db()
        events.publish_change(driver, "driver.updated", actor=actor, at=at, changed=changes)
    return driver


@transaction.atomic
def join_driver(driver: Driver, *, actor: Actor, at: datetime | None = None) -> Driver:
    """The person has acted at the company: the record is theirs from now on. Once; audited.

    Whatever anybody else does leaves it as it is.
    """
    at = at or clock.now()
    actor.require_same_provider(driver)
    own = actor.kind == "user" and actor.id == driver.user_id
    waiting = Driver.objects.filter(pk=driver.pk, joined_at__isnull=True)
    if own and waiting.update(joined_at=at):
        audit.record("driver.joined", driver, actor=actor, at=at)
        driver.refresh_from_db()
    return driver


def onboard_driver(
    driver: Driver, *, actor: Actor, reason: str = "", at: datetime | None = None
) -> Driver:
    """Invited → onboarding: the person has answered and hands in papers."""
    return _move(driver, DriverStatus.ONBOARDING, actor=actor, reason=reason, at=at)


def activate_driver(
    driver: Driver, *, actor: Actor, reason: str = "", at: datetime | None = None
) -> Driver:
    """Onboarding → active: may start shifts. (From suspended or leaving: `reinstate_driver`.)"""
    return _move(
        driver, DriverStatus.ACTIVE, actor=actor, reason=reason, at=at, only_from={"onboarding"}
    )


def suspend_driver(
    driver: Driver, *, actor: Actor, reason: str, at: datetime | None = None
) -> Driver:
    """Active → suspended: finishes what runs, starts nothing. Raises ReasonRequired (400)."""
    return _move(driver, DriverStatus.SUSPENDED, actor=actor, reason=given_reason(reason), at=at)


def reinstate_driver(
    driver: Driver, *, actor: Actor, reason: str, at: datetime | None = None
) -> Driver:
    """Suspended or leaving → active again. Raises ReasonRequired (400)."""
    return _move(
        driver,
        DriverStatus.ACTIVE,
        actor=actor,
        reason=given_reason(reason),
        at=at,
        only_from={"suspended", "leaving"},
    )


def leave_driver(
    driver: Driver, *, actor: Actor, reason: str, at: datetime | None = None
) -> Driver:
    """Active or suspended → leaving: car, keys, last pay and deposit are settled now.

    Raises ReasonRequired (400).
    """
    return _move(driver, DriverStatus.LEAVING, actor=actor, reason=given_reason(reason), at=at)


@transaction.atomic
def terminate_driver(
    driver: Driver,
    *,
    actor: Actor,
    reason: str,
    override_reason: str = "",
    at: datetime | None = None,
) -> Driver:
    """Invited, onboarding or leaving → terminated: access ends but payslips and disputes.

    Everything is settled by then: the car is back, no shift runs, the last pay has arrived, nobody
    owes the other anything. `override_reason` sets aside what may be (money, never a car or a
    running shift); it is audited. An invitation that nobody has accepted ends.
    Raises ReasonRequired (400), IllegalMove, DriverBlocked (409).
    """
    at = at or clock.now()
    reason = given_reason(reason)
    actor.require_same_provider(driver)
    driver = locked_with_user(driver)
    moved = _move(driver, DriverStatus.TERMINATED, actor=actor, reason=reason, at=at)
    blockers, why = open_matters(moved), override_reason.strip()
    if any(not (blocker["overridable"] and why) for blocker in blockers):
        raise DriverBlocked(blockers=blockers)
    if blockers:
        open_ = {blocker["code"]: (blocker["count"], None) for blocker in blockers}
        audit.record(
            "driver.settlement_overridden", moved, actor=actor, at=at, changes=open_, reason=why
        )
    invitations.withdraw(moved.user, moved.provider, at=at)
    return moved


def open_matters(driver: Driver) -> list[dict[str, Any]]:
    """What is to be settled before the driver leaves for good: code, count, overridable."""
    return [
        {"overridable": False, **blocker}
        for function in registry.collect(registry.DRIVER_BLOCKERS).values()
        for blocker in function(driver)
    ]


def require_active(driver: Driver) -> None:
    """Guard of every service that starts something with a driver. Raises DriverNotActive (409)."""
    if driver.status != DriverStatus.ACTIVE:
        raise DriverNotActive(driver=driver.pk, status=driver.status)


@transaction.atomic
def _move(
    driver: Driver,
    to: str,
    *,
    actor: Actor,
    reason: str,
    at: datetime | None,
    only_from: set[str] | None = None,
) -> Driver:
    at = at or clock.now()
    actor.require_same_provider(driver)
    left = DRIVER_MACHINE.move(driver, to, actor=actor, at=at, reason=reason, only_from=only_from)
    driver.refresh_from_db()
    driver_moved.send(Driver, driver=driver, from_state=left, to_state=to, actor=actor, at=at)
    return driver


def locked_with_user(driver: Driver) -> Driver:
    """The driver, locked after the person, as whoever accepts an invitation locks them."""
    list(User.objects.select_for_update(no_key=True).filter(pk=driver.user_id).values("pk"))
    return Driver.objects.select_for_update(no_key=True).get(pk=driver.pk)


def _invite_elsewhere(driver: Driver, *, actor: Actor, at: datetime) -> None:
    """Who has not joined logs in as whoever the address names; another one is invited anew."""
    if not driver.phone and not driver.email:
        raise LoginRequired(field="phone")
    before = driver.user
    user = create_user(
        actor=actor,
        full_name=driver.name,
        email=driver.email or None,
        phone=driver.phone or None,
        language=driver.language,
        at=at,
    )
    if user.pk == before.pk:
        return
    _require_new(driver.provider_id, user)
    Driver.objects.filter(pk=driver.pk).update(user=user)
    audit.record("driver.invited_elsewhere", driver, actor=actor, at=at)
    invitations.withdraw(before, driver.provider, at=at)
    invitations.invite(user, driver.provider, actor=actor, at=at)


def _require_new(provider_id: int, user: User) -> None:
    if known := Driver.objects.for_provider(provider_id).of_user(user.pk).first():
        raise DriverExists(driver=known.pk)


def _require_free_number(provider_id: int, number: str, *, but: int | None = None) -> None:
    same = Driver.objects.for_provider(provider_id).filter(employee_number=number)
    if number and same.exclude(pk=but or 0).exists():
        raise EmployeeNumberTaken(field="employee_number")


def _checked(values: dict[str, Any], today: date) -> dict[str, Any]:
    """Values in their one form: phone numbers in E.164, an e-mail address in small letters.

    Raises InvalidPhone, InvalidBirthDate, UnknownLanguage (400).
    """
    if unknown := values.keys() - CHANGEABLE:
        raise TypeError(f"not changeable: {sorted(unknown)}")
    for name in ("phone", "emergency_contact_phone"):
        if values.get(name):
            values[name] = e164(values[name], field=name)
    if values.get("email"):
        values["email"] = values["email"].lower()
    if "language" in values and values["language"] not in dict(settings.LANGUAGES):
        raise UnknownLanguage(field="language")
    born = values.get("birth_date")
    if born is not None and not 16 <= (today - born).days / 365.25 <= 100:
        raise InvalidBirthDate(field="birth_date")
    return values
