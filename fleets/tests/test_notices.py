"""Notices: told once, in the reader's language, over what the reader chose, when it may be."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.core import mail
from django.db import transaction

from drivers import services as driver_services
from fleets import services as fleet_services
from fleets.errors import QuietHoursOdd
from fleets.models import Notice, NoticeDelivery, User, WebhookEndpoint
from fleets.services import auth, deliveries, notices
from fleets.tests.logins import PASSWORD
from voltop import clock, lanes
from voltop.context import Actor
from voltop.notices import all_kinds, words
from voltop.outbox import OutboxMessage
from voltop.tests.parallel import at_once

pytestmark = pytest.mark.django_db


def proven(user: User) -> User:
    """A person whose e-mail and phone have answered a code."""
    now = clock.now()
    phone = f"+52155{user.pk:08d}"
    User.objects.filter(pk=user.pk).update(
        email_verified_at=now, phone=phone, phone_verified_at=now
    )
    user.refresh_from_db()
    return user


def choose(user: User, **values) -> None:
    notices.choose(user, actor=Actor("user", user.pk, None), values=values)


def tell(user: User, number: int = 1, about=None) -> Notice | None:
    with transaction.atomic():
        return notices.notify(
            user, "chat.answered", {"number": number}, about=about, once=str(number)
        )


def statuses(notice) -> dict[str, str]:
    return dict(notice.deliveries.values_list("channel", "status"))


def in_the_outbox() -> int:
    return OutboxMessage.objects.filter(topic="notices.send").count()


# --- Once ----------------------------------------------------------------------------------------
def test_the_same_fact_is_told_once(cast):
    assert tell(cast.owner) is not None
    assert tell(cast.owner) is None
    assert tell(cast.owner, 2) is not None
    assert Notice.objects.filter(user=cast.owner).count() == 2


@pytest.mark.django_db(transaction=True)
def test_told_from_many_sides_it_is_one_notice(cast):
    user = proven(cast.owner)
    told = at_once([lambda: tell(user)] * 4)
    assert sum(isinstance(notice, Notice) for notice in told) == 1
    assert (NoticeDelivery.objects.count(), in_the_outbox()) == (1, 1)


@pytest.mark.django_db(transaction=True)
def test_a_notice_goes_with_its_change_or_not_at_all(cast):
    with pytest.raises(RuntimeError, match="transaction"):
        notices.notify(cast.owner, "chat.answered", {"number": 1})
    user = proven(cast.owner)

    @transaction.atomic
    def change_that_fails() -> None:
        notices.notify(user, "chat.answered", {"number": 1})
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        change_that_fails()
    assert (Notice.objects.count(), in_the_outbox()) == (0, 0)


# --- Over which channel, and when ----------------------------------------------------------------
def test_only_proven_addresses_are_written_to(cast):
    assert statuses(tell(cast.owner)) == {}
    assert statuses(tell(proven(cast.owner), 2)) == {"email": "pending"}


def test_the_person_chooses_but_not_where_safety_is_concerned(cast):
    user = proven(cast.owner)
    choose(user, channels=["sms", "push"], push_token="app-1")
    assert statuses(tell(user)) == {"sms": "pending", "push": "pending"}
    choose(user, channels=[])
    assert statuses(tell(user, 2)) == {}
    with transaction.atomic():
        notice = notices.notify(user, "fleets.second_factor_removed")
    assert statuses(notice) == {"email": "pending"}


def test_a_disabled_person_is_told_nothing(cast):
    User.objects.filter(pk=cast.owner.pk).update(is_active=False)
    cast.owner.refresh_from_db()
    assert tell(cast.owner) is None


BERLIN, NIGHT = ZoneInfo("Europe/Berlin"), (time(22), time(6, 30))


@pytest.mark.parametrize(
    ("hours", "at", "ends"),
    [
        (NIGHT, "2026-06-10T19:59:00Z", None),
        (NIGHT, "2026-06-10T20:00:00Z", "2026-06-11T04:30:00Z"),
        (NIGHT, "2026-06-11T04:29:59Z", "2026-06-11T04:30:00Z"),
        (NIGHT, "2026-06-11T04:30:00Z", None),
        # The clocks go on or back in these nights: seven and a half and nine and a half hours.
        (NIGHT, "2026-03-28T21:00:00Z", "2026-03-29T04:30:00Z"),
        (NIGHT, "2026-10-24T20:00:00Z", "2026-10-25T05:30:00Z"),
        # Ends that were skipped, or came twice: the instant of the change, the first of the two.
        ((time(22), time(2, 30)), "2026-03-28T23:00:00Z", "2026-03-29T01:00:00Z"),
        ((time(22), time(2, 30)), "2026-10-24T23:00:00Z", "2026-10-25T00:30:00Z"),
        ((time(22), time(2, 30)), "2026-10-25T00:45:00Z", None),
        # Within one day.
        ((time(13), time(15)), "2026-06-10T11:30:00Z", "2026-06-10T13:00:00Z"),
        ((time(13), time(15)), "2026-06-10T13:00:00Z", None),
    ],
)
def test_quiet_hours_end_by_the_clock_on_the_wall(hours, at, ends):
    instant = datetime.fromisoformat(at)
    expected = datetime.fromisoformat(ends) if ends else None
    assert notices.end_of_quiet(*hours, BERLIN, instant) == expected


def test_in_quiet_hours_only_the_urgent_leaves(cast):
    user = proven(cast.owner)
    User.objects.filter(pk=user.pk).update(time_zone="Europe/Berlin")
    user.refresh_from_db()
    choose(user, quiet_from=time(22), quiet_until=time(6, 30))
    night = datetime(2099, 6, 10, 23, 0, tzinfo=UTC)
    with transaction.atomic():
        notices.notify(user, "chat.answered", {"number": 1}, at=night)
        notices.notify(user, "fleets.second_factor_removed", at=night)
    waiting, urgent = OutboxMessage.objects.filter(topic="notices.send").order_by("id")
    assert waiting.next_at == datetime(2099, 6, 11, 4, 30, tzinfo=UTC)
    assert urgent.next_at <= clock.now()


def test_where_no_zone_was_set_the_company_s_counts(cast):
    notice = tell(cast.owner, about=cast.depot())
    assert (cast.owner.time_zone, notices.zone_of(notice).key) == ("UTC", cast.a.time_zone)


@pytest.mark.parametrize("hours", [(time(22), None), (None, time(6)), (time(6), time(6))])
def test_quiet_hours_have_two_ends(cast, hours):
    with pytest.raises(QuietHoursOdd):
        choose(cast.owner, quiet_from=hours[0], quiet_until=hours[1])


@pytest.mark.django_db(transaction=True)
def test_what_comes_due_in_quiet_hours_waits_on(cast):
    user = proven(cast.owner)
    notice, hour = tell(user), timedelta(hours=1)
    local = clock.now().astimezone(notices.zone_of(notice))
    choose(user, quiet_from=(local - hour).time(), quiet_until=(local + hour).time())
    lanes.relay(threads=1)
    assert (statuses(notice), mail.outbox) == ({"email": "pending"}, [])
    later = OutboxMessage.objects.get(topic="notices.send", sent_at=None)
    assert later.next_at > clock.now() + timedelta(minutes=50)


@pytest.mark.django_db(transaction=True)
def test_what_is_no_longer_wanted_is_not_sent(cast):
    user = proven(cast.owner)
    notice = tell(user)
    choose(user, channels=[])
    lanes.relay(threads=1)
    assert (statuses(notice), mail.outbox) == ({"email": "skipped"}, [])


# --- What of the account is told -----------------------------------------------------------------
def log_in(user: User, device: str) -> None:
    auth.log_in(
        login=user.email, password=PASSWORD, address="192.0.2.1",
        device=auth.Device(id=device, name=device.title()),
    )  # fmt: skip


def kinds_told(user: User) -> list[str]:
    return list(Notice.objects.filter(user=user).order_by("id").values_list("kind", flat=True))


def test_a_new_device_is_told_of_the_first_and_the_known_are_not(cast):
    for device in ("phone one", "phone one", "phone two", "phone two", "phone one"):
        log_in(cast.viewer, device)
    assert kinds_told(cast.viewer) == ["fleets.new_device"]
    assert Notice.objects.get(user=cast.viewer).params["device"] == "Phone Two"


@pytest.mark.django_db(transaction=True)
def test_owners_are_told_of_an_endpoint_switched_off(cast):
    endpoint = WebhookEndpoint.objects.create(
        provider=cast.a, name="Payroll", url="https://hooks.example/", kinds=[], secret=b"x"
    )
    for role in ("owner", "manager"):
        cast.person(cast.a, role)
        cast.person(cast.b, role)
    deliveries._disable(endpoint, "the endpoint answered 410 Gone", at=clock.now())
    deliveries._disable(endpoint, "the endpoint answered 410 Gone", at=clock.now())
    [notice] = Notice.objects.all()
    assert (notice.user, notice.params) == (cast.owner, {"name": "Payroll"})


# --- The API -------------------------------------------------------------------------------------
def test_one_reads_one_s_own(cast, api):
    notice = tell(cast.owner, about=cast.depot())
    owner = api(cast.owner)
    [shown] = owner.get("/api/v1/me/notices/?unread=true").json()["results"]
    assert (shown["id"], shown["kind"], shown["params"]) == (
        notice.pk,
        "chat.answered",
        {"number": 1},
    )
    path = f"/api/v1/me/notices/{notice.pk}/"
    assert api(cast.manager).get(path).status_code == 404
    assert owner.post(f"{path}read/").json()["read_at"] is not None
    assert owner.get("/api/v1/me/notices/?unread=true").json()["results"] == []


def test_a_person_of_two_companies_sees_the_active_one_s_and_their_own(cast, api):
    user = cast.owner
    fleet_services.add_member(
        cast.b, user, actor=Actor.system("tests", cast.b.pk), role="dispatcher"
    )
    user.refresh_from_db()
    here = tell(user, 1, about=cast.depot())
    there = tell(user, 2, about=cast.depot(cast.b))
    own = tell(user, 3)
    for provider, theirs, others in ((cast.a, here, there), (cast.b, there, here)):
        client = api(user, **{"X-Voltop-Provider": str(provider.pk)})
        results = client.get("/api/v1/me/notices/").json()["results"]
        assert {shown["id"] for shown in results} == {theirs.pk, own.pk}
        assert client.get(f"/api/v1/me/notices/{others.pk}/").status_code == 404


def test_one_chooses_the_language_and_the_clock(cast, api):
    client, path = api(cast.viewer), "/api/v1/me/notice-choice/"
    body = {"language": "pt", "time_zone": "America/Sao_Paulo"}
    shown = client.patch(path, body, format="json").json()
    assert (shown["language"], shown["time_zone"]) == ("pt", "America/Sao_Paulo")
    cast.viewer.refresh_from_db()
    assert (cast.viewer.language, cast.viewer.time_zone) == ("pt", "America/Sao_Paulo")
    refused = {"language": ("tlh", "invalid_choice"), "time_zone": ("EST", "unknown_timezone")}
    for name, (wrong, code) in refused.items():
        assert client.patch(path, {name: wrong}, format="json").json()["code"] == code


def test_one_s_choice_is_kept_and_the_token_is_not_shown(cast, api):
    client = api(cast.driver.user)
    path = "/api/v1/me/notice-choice/"
    assert client.get(path).json()["channels"] == ["email"]
    body = {"channels": ["push", "sms"], "quiet_from": "22:00", "push_token": "app-1"}
    assert client.patch(path, body, format="json").json()["code"] == "quiet_hours_odd"
    body["quiet_until"] = "06:00"
    shown = client.patch(path, body, format="json").json()
    assert shown == client.get(path).json()
    assert shown["channels"] == ["push", "sms"]
    assert shown["has_push_token"] is True
    assert "app-1" not in str(shown)


@pytest.mark.parametrize(
    ("language", "subject", "amount"),
    [
        ("en", "You have been paid", "1,234.50 EUR"),
        ("es", "Recibió un pago", "1234,50 EUR"),
        ("pt", "Você foi pago", "1234,50 EUR"),
        ("de", "Sie wurden bezahlt", "1234,50 EUR"),
    ],
)
def test_a_notice_is_worded_for_who_reads_it(cast, api, language, subject, amount):
    params = {"amount": "1234.5", "currency": "EUR", "reference": "P-1"}
    with transaction.atomic():
        notices.notify(cast.viewer, "payments.paid", params, about=cast.depot())
    client = api(cast.viewer, Accept_Language=language)
    [shown] = client.get("/api/v1/me/notices/").json()["results"]
    assert shown["subject"] == subject
    assert amount in "".join(c for c in shown["text"] if c not in ".\xa0" or language == "en")


@pytest.mark.django_db(transaction=True)
def test_a_message_is_in_the_person_s_own_language_and_zone(cast):
    user = proven(cast.viewer)
    User.objects.filter(pk=user.pk).update(language="de", time_zone="Europe/Berlin")
    user.refresh_from_db()
    params = {"mask": "DE •••• 3000", "hold_until": "2026-11-30T08:00:00+00:00"}
    with transaction.atomic():
        notices.notify(user, "drivers.payout_account_changed", params)
    lanes.relay(threads=1)
    [letter] = mail.outbox
    assert letter.subject == "Ihr Auszahlungskonto wurde geändert"
    assert "DE •••• 3000" in letter.body
    assert "30.11.2026 09:00" in letter.body


def test_every_kind_s_words_take_their_values():
    values = {
        **dict.fromkeys(("hold_until", "logged_in_at", "closes_at"), "2026-11-30T08:00:00+00:00"),
        **dict.fromkeys(
            ("started_at", "ended_at", "starts_at", "due_at"), "2026-11-30T08:00:00+00:00"
        ),
        **dict.fromkeys(("expires_on", "expired_on"), "2026-11-30"),
        "paper": "national_id",
        "reason": "blurred",
        "device": "Phone",
        "name": "Hook",
        "mask": "•••• 1",
        "station": "Depot",
        "number": 4,
        "amount": "1234.5",
        "currency": "MXN",
        "reference": "P-1",
    }
    assert len(all_kinds()) >= 10
    for kind in all_kinds().values():
        subject, text = words(kind, values, ZoneInfo("America/Mexico_City"))
        assert subject, kind.name
        assert "%" not in text, kind.name


@pytest.mark.django_db(transaction=True)
def test_a_company_that_has_only_invited_somebody_writes_in_the_app_alone(cast, api):
    known = proven(cast.foreign_driver.user)
    invited = driver_services.invite_driver(
        cast.a, actor=cast.actor(), given_name="D", family_name="D", email=known.email
    )
    driver = driver_services.onboard_driver(invited, actor=cast.actor())
    early = tell(known, 1, about=driver)
    lanes.relay(threads=1)
    assert statuses(early) == {"email": "skipped"}
    phone = api(known, **{"X-Voltop-Provider": str(cast.a.pk)})
    shown = phone.get("/api/v1/me/notices/").json()["results"]
    assert early.pk in {notice["id"] for notice in shown}
    late = tell(known, 2, about=driver)
    lanes.relay(threads=1)
    assert statuses(late) == {"email": "sent"}
