"""The demo city's past: drawn the same every time, possible in itself, told once."""

import random
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from django.core.management import call_command

from fleets.models import User
from voltop.demo import today
from voltop.demo.city import bank
from voltop.demo.city.cars import Car
from voltop.demo.city.company import FAMILY, GIVEN, HOMES
from voltop.demo.city.diary import CHARGE_TO_PCT, Diary
from voltop.demo.city.past import WEEKS, Past, first_day
from voltop.demo.city.payday import Payday
from voltop.demo.city.streets import City
from voltop.demo.companies import COMPANIES, PASSWORD, PAST_IS_AT
from voltop.embedded import paths

ZONE = ZoneInfo("America/Mexico_City")
FIRST, END = date(2026, 10, 26), date(2026, 11, 4)
CARS = 12


def written() -> tuple[Diary, list]:
    diary = Diary(City(), "Alba", ZONE, CARS, FIRST, END, starts_later={3: date(2026, 11, 2)})
    return diary, diary.days(dict.fromkeys(range(CARS), 20_000.0))


@pytest.fixture(scope="module")
def told():
    return written()


def test_the_past_is_the_same_at_every_start(told):
    _diary, again = written()
    assert [(day.number, day.on, day.legs, day.charge_from) for day in told[1]] == [
        (day.number, day.on, day.legs, day.charge_from) for day in again
    ]


def test_the_told_weeks_are_whole_ones_before_the_week_the_city_began_in():
    for end in (date(2026, 11, 24), date(2026, 11, 23), date(2026, 11, 29)):
        first = first_day(end)
        assert first.weekday() == 0
        assert first + timedelta(weeks=WEEKS) == date(2026, 11, 23)


def test_a_day_is_a_possible_day(told):
    diary, days = told
    for day in days:
        assert FIRST <= day.on < END
        assert len(day.legs) > 10
        for before, after in pairwise(day.legs):
            assert before.ends_at < after.starts_at
            assert before.way[-1] == after.way[0]
        assert day.legs[-1].way[-1] == diary.home(day.number)
        worked = day.legs[-1].ends_at - day.legs[0].starts_at
        assert timedelta(hours=6) < worked < timedelta(hours=10)
        assert 0 < day.soc_after_pct < day.soc_pct <= CHARGE_TO_PCT
    assert min(day.on for day in days if day.number == 3) >= date(2026, 11, 2)
    assert len({(day.number, day.on) for day in days}) == len(days) > CARS * 5


def test_odometers_run_through_to_what_the_cars_show_at_the_end(told):
    _diary, days = told
    for number in range(CARS):
        own = [day for day in days if day.number == number]
        for before, after in pairwise(own):
            assert after.odometer_km == pytest.approx(before.odometer_km + before.km)
        assert own[-1].odometer_km + own[-1].km == pytest.approx(20_000)


def test_no_two_cars_charge_in_one_bay_at_once(told):
    diary, days = told
    taken: dict[tuple[int, int], list] = {}
    for day in days:
        if day.charge_from:
            assert day.legs[-1].ends_at < day.charge_from < day.charge_until
            taken.setdefault((day.number % diary.depots, day.bay), []).append(day)
    assert sum(map(len, taken.values())) > len(days) / 2
    for sessions in taken.values():
        sessions.sort(key=lambda day: day.charge_from)
        assert all(one.charge_until <= two.charge_from for one, two in pairwise(sessions))


def test_samples_go_forward_in_time_and_distance_and_keep_to_the_battery(told):
    diary, days = told
    for day in days[:20]:
        rows = list(diary.samples(day, 7))
        times = [row["recorded_at"] for row in rows]
        assert times == sorted(set(times))
        assert all(one["odometer_km"] <= two["odometer_km"] for one, two in pairwise(rows))
        assert rows[-1]["odometer_km"] == pytest.approx(day.odometer_km + day.km, abs=0.1)
        assert all(0 <= row["soc_pct"] <= 100 for row in rows)
        fares = sum(leg.occupied for leg in day.legs)
        begun = sum(two["occupied"] and not one["occupied"] for one, two in pairwise(rows))
        assert 0 < begun <= fares


def test_every_fare_is_an_entry_of_its_own(told):
    class NobodyElse:
        def each(self, path, **_asked):
            return [
                {"vehicle": 100 + n, "driver": 200 + n, "kind": "permanent"} for n in range(CARS)
            ]

    diary, days = told
    vehicles = {n: 100 + n for n in range(CARS)}
    past = Past(COMPANIES[0], diary, days, owner=NobodyElse(), trackers=None, vehicles=vehicles)
    entries = list(past._entries())
    fares = [row for row in entries if row["kind"] == "fare"]
    assert len(fares) == sum(leg.occupied for day in days for leg in day.legs)
    assert len({row["external_id"] for row in entries}) == len(entries)
    cash = {row["trip_ref"]: row for row in entries if row["kind"] == "cash_collected"}
    assert 0 < len(cash) < len(fares) / 3
    assert all(
        cash[row["trip_ref"]]["amount"] == row["amount"] for row in fares if row["trip_ref"] in cash
    )


def test_no_two_drivers_of_the_largest_company_share_a_name():
    names = {
        (GIVEN[n % len(GIVEN)], FAMILY[(n + n // len(GIVEN)) % len(FAMILY)])
        for n in range(COMPANIES[0].cars)
    }
    assert len(names) == COMPANIES[0].cars


class Batches:
    """The batches of an API, and what was posted to it."""

    def __init__(self, *states):
        self.rows = {
            n + 1: {
                "id": n + 1,
                "status": state,
                "pay_group": 1,
                "period_starts_on": (FIRST + timedelta(weeks=n)).isoformat(),
                "posted_at": "set",
            }
            for n, state in enumerate(states)
        }
        self.posted = []

    def each(self, path, **_asked):
        if path == "payment-batches":
            return list(self.rows.values())
        return [{"id": 9, "status": "active", "endpoint": "http://bank"}]

    def get(self, path, **_asked):
        return self.rows[int(path.rpartition("/")[2])]

    def post(self, path, body=None):
        self.posted.append(path)
        if path == "payment-batches":
            key = len(self.rows) + 1
            self.rows[key] = {"id": key, "status": "draft", "posted_at": "set", **body}
            return self.rows[key]
        key, _, verb = path.removeprefix("payment-batches/").partition("/")
        if verb in ("calculate", "pay"):
            self.rows[int(key)]["status"] = {"calculate": "in_review", "pay": "paid"}[verb]
        return {}


def paid(api, weeks, monkeypatch):
    monkeypatch.setattr(Payday, "_refuse_one", lambda self: None)
    access = bank.BankAccess("http://bank", "token")
    payday = Payday(api, api, access, currency="MXN", first=FIRST)
    payday.pay_weeks(1, [FIRST + timedelta(weeks=n) for n in range(weeks)])
    return [row["status"] for row in api.rows.values()]


def test_all_weeks_but_the_last_are_paid_and_again_does_nothing(monkeypatch):
    api = Batches()
    assert paid(api, 3, monkeypatch) == ["paid", "paid", "in_review"]
    api.posted.clear()
    assert paid(api, 3, monkeypatch) == ["paid", "paid", "in_review"]
    assert api.posted == []


def test_what_somebody_else_made_meanwhile_is_left_alone(monkeypatch):
    class Looking(Batches):
        def each(self, path, **asked):
            if path == "pay-groups":
                return [{"id": 5, "name": "Depot North"}, {"id": 7, "name": "Weekly"}]
            if path == "pay-plans":
                return [{"id": 8, "name": "City drivers", "versions": [{"id": 3}]}]
            return super().each(path) if path == "payment-batches" else []

    api = Looking("in_review")
    payday = Payday(api, api, bank.BankAccess("http://bank", "t"), currency="MXN", first=FIRST)
    assert payday.agree({}, None) == 7
    api.rows[1]["pay_group"] = 5
    payday._account = lambda: 9
    payday.pay_weeks(7, [FIRST])
    assert api.posted[0] == "payment-batches"


@pytest.mark.parametrize("state", ["draft", "in_review", "approved"])
def test_a_batch_that_was_cut_off_is_brought_to_its_end(state, monkeypatch):
    assert paid(Batches(state), 2, monkeypatch) == ["paid", "in_review"]


def test_what_people_did_with_a_batch_stays(monkeypatch):
    states = ["closed", "cancelled", "partly_paid", "approved"]
    assert paid(Batches(*states), 4, monkeypatch) == states


def test_the_bank_keeps_its_address_and_moves_when_somebody_has_it(tmp_path, monkeypatch):
    first = bank.remembered_bank(tmp_path)
    assert bank.remembered_bank(tmp_path) == first == bank.read_bank(tmp_path)
    assert (tmp_path / bank.FILE).stat().st_mode & 0o077 == 0
    monkeypatch.setattr(bank, "_is_free", lambda port: False)
    moved = bank.remembered_bank(tmp_path)
    assert moved != first
    assert bank.read_bank(tmp_path) == moved


@pytest.mark.django_db
def test_seeding_again_changes_nothing(settings, monkeypatch):
    settings.DEMO = True
    for name in ("VOLTOP_SEED_PASSWORD", "DJANGO_SUPERUSER_PASSWORD"):
        monkeypatch.setenv(name, "")  # put back afterwards: the command sets them
    told = call_command("seed", stdout=StringIO())
    people = list(User.objects.order_by("pk").values())
    assert call_command("seed", stdout=StringIO()) == told
    assert list(User.objects.order_by("pk").values()) == people
    for person in people:
        assert person["email"] in told
        assert User.objects.get(pk=person["id"]).check_password(PASSWORD)
    driver = User.objects.get(email=COMPANIES[0].driver[0])
    assert not driver.is_staff
    assert not driver.memberships.exists()


@pytest.mark.django_db
def test_the_first_page_says_that_history_is_still_being_written(rf, cast, tmp_path, monkeypatch):
    monkeypatch.setenv("VOLTOP_HOME", str(tmp_path))
    request = rf.get("/admin/")
    request.user = cast.superuser
    assert "home_note" not in today.dashboard(request, {})
    (paths.home() / PAST_IS_AT).write_text("Brisa, 2 of 3 companies")
    assert "(Brisa, 2 of 3 companies)" in today.dashboard(request, {})["home_note"]


def test_a_car_that_nobody_works_in_goes_home_and_stays():
    city = City()
    car = Car(city, 1, random.Random(5), HOMES[0], soc_pct=85)
    while car.at == car.home:
        car.step(30)
    car.on_duty = False
    for _ in range(400):
        car.step(30)
    standing = car.odometer_km
    car.step(600)
    assert (car.at, car.speed_kmh, car.occupied) == (car.home, 0.0, False)
    assert car.odometer_km == standing
    assert not car.sample(datetime(2026, 11, 29, 12, tzinfo=UTC))["ignition"]
