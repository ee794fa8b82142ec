"""Booking: the database decides about overlaps, the rules about everything else."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction

from drivers import services as driver_services
from fleets import services as fleet_services
from fleets.errors import ProviderNotActive
from fleets.models import Notice
from reservations import errors, services
from reservations.models import Reservation
from reservations.tests.scene import book, make_station, plug, tomorrow
from vehicles import services as vehicle_services
from vehicles.errors import VehicleNotInService
from vehicles.models import VehicleModel
from voltop import clock
from voltop.context import Actor
from voltop.errors import NotFound
from voltop.events import Event


def test_a_booking_takes_a_free_plug_and_is_confirmed_at_once(cast):
    station = make_station(cast)
    reservation = book(cast, station, driver=cast.driver, target_soc_pct=80)
    assert (reservation.status, reservation.kind) == ("reserved", "dispatcher")
    assert [(e.from_state, e.to_state) for e in reservation.events.all()] == [("", "reserved")]
    assert reservation.row_version == 1


def test_any_plug_that_fits_until_all_are_taken(cast):
    station = make_station(cast)
    first = book(cast, station)
    second = book(cast, station, cast.other_vehicle)
    assert {first.evse.uid, second.evse.uid} == {"E1", "E2"}
    with pytest.raises(errors.ConnectorTaken):
        book(cast, station, cast.new_vehicle("Car 3"))


@pytest.mark.parametrize(
    ("start", "end", "fits"),
    [
        ((9, 0), (10, 0), True),
        ((11, 0), (12, 0), True),
        ((10, 59), (12, 0), False),
        ((9, 0), (10, 1), False),
        ((10, 15), (10, 45), False),
        ((9, 0), (12, 0), False),
        ((10, 0), (11, 0), False),
    ],
)
def test_beside_ten_to_eleven(cast, start, end, fits):
    station = make_station(cast, chargers=1)
    book(cast, station)
    other = {"starts_at": tomorrow(*start), "ends_at": tomorrow(*end)}
    if fits:
        assert book(cast, station, cast.other_vehicle, **other).pk
        return
    with pytest.raises(errors.ConnectorTaken):
        book(cast, station, cast.other_vehicle, **other)
    assert Reservation.objects.count() == 1


def test_a_refusal_names_the_next_windows_of_the_wanted_length(cast):
    station = make_station(cast, chargers=1)
    book(cast, station)
    book(cast, station, starts_at=tomorrow(11, 30), ends_at=tomorrow(12))
    with pytest.raises(errors.ConnectorTaken) as refused:
        book(cast, station, cast.other_vehicle)
    free = refused.value.extra["free"]
    assert [(w["starts_at"], w["connector"]) for w in free] == [
        (tomorrow(12).strftime("%Y-%m-%dT%H:%M:%SZ"), plug(station).pk)
    ]


def test_what_a_refusal_offers_is_on_the_grid_and_clear_of_the_buffer(cast):
    """Between what is kept until 11:10 and what begins at 12:20, 11:15 to 12:00 may be booked."""
    station = make_station(cast, chargers=1, buffer_min=10)
    book(cast, station)
    book(cast, station, starts_at=tomorrow(12, 20), ends_at=tomorrow(15))
    station = services.update_station(station, actor=cast.actor(), reservation_grid_min=15)
    for minutes, first in ((60, tomorrow(15, 15)), (45, tomorrow(11, 15))):
        length = timedelta(minutes=minutes)
        with pytest.raises(errors.ConnectorTaken) as refused:
            book(cast, station, cast.other_vehicle, ends_at=tomorrow(10) + length)
        offered = refused.value.extra["free"][0]["starts_at"]
        assert offered == f"{first:%Y-%m-%dT%H:%M:%SZ}"
        with transaction.atomic():
            period = {"starts_at": first, "ends_at": first + length}
            assert book(cast, station, cast.other_vehicle, **period).pk
            transaction.set_rollback(True)


def test_what_is_offered_instead_for_the_vehicle_is_on_the_grid(cast):
    elsewhere = make_station(cast, name="Elsewhere")
    book(cast, elsewhere, ends_at=tomorrow(11, 7))
    with pytest.raises(errors.VehicleTaken) as refused:
        book(cast, make_station(cast, reservation_grid_min=15))
    assert refused.value.extra["free"][0]["starts_at"][11:16] == "11:15"


def test_a_vehicle_is_at_one_charger_at_a_time(cast):
    station = make_station(cast)
    first = book(cast, station, connector=plug(station, 1))
    with pytest.raises(errors.VehicleTaken) as refused:
        book(cast, station, connector=plug(station, 2))
    assert refused.value.extra["reservation"] == first.pk
    assert refused.value.extra["free"][0]["starts_at"] == first.ends_at.strftime(
        "%Y-%m-%dT%H:%M:%SZ"
    )


def test_the_buffer_keeps_others_away_but_not_the_vehicle(cast):
    station = make_station(cast, chargers=1, buffer_min=10)
    book(cast, station)
    with pytest.raises(errors.ConnectorTaken):
        book(
            cast,
            station,
            cast.other_vehicle,
            starts_at=tomorrow(11, 5),
            ends_at=tomorrow(12),
        )
    assert book(
        cast, station, cast.other_vehicle, starts_at=tomorrow(11, 10), ends_at=tomorrow(12)
    ).pk


def test_the_database_refuses_an_overlap_whoever_writes(cast):
    station = make_station(cast, chargers=1)
    first = book(cast, station)
    copy = Reservation.objects.get(pk=first.pk)
    copy.pk = None
    copy.vehicle = cast.other_vehicle
    with pytest.raises(IntegrityError, match="reservations_evse_taken"), transaction.atomic():
        copy.save(force_insert=True)
    copy.vehicle, copy.evse = first.vehicle, plug(make_station(cast, name="Other")).evse
    with pytest.raises(IntegrityError, match="reservations_vehicle_taken"), transaction.atomic():
        copy.save(force_insert=True)


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"ends_at": tomorrow(10)}, errors.ReservationEmpty),
        ({"ends_at": tomorrow(9)}, errors.ReservationEmpty),
        ({"starts_at": tomorrow(10, 7)}, errors.ReservationOffGrid),
        ({"starts_at": tomorrow(10) + timedelta(seconds=1)}, errors.ReservationOffGrid),
        ({"ends_at": tomorrow(15)}, errors.ReservationTooLong),
        (
            {"starts_at": tomorrow(10) - timedelta(days=3)},
            errors.ReservationTooLong,
        ),
        (
            {
                "starts_at": tomorrow(10) - timedelta(days=2),
                "ends_at": tomorrow(11) - timedelta(days=2),
            },
            errors.ReservationInPast,
        ),
        (
            {
                "starts_at": tomorrow(10) + timedelta(days=400),
                "ends_at": tomorrow(11) + timedelta(days=400),
            },
            errors.ReservationTooFar,
        ),
    ],
)
def test_a_period_that_breaks_the_policy_is_refused(cast, values, error):
    """The provider's policy: a grid of 15 minutes, four hours at most."""
    station = make_station(cast, reservation_grid_min=None, reservation_max_min=None)
    with pytest.raises(error):
        book(cast, station, **values)
    assert not Reservation.objects.exists()


def test_a_driver_books_no_further_ahead_than_the_policy_and_staff_may(cast):
    station = make_station(cast)
    late = {
        "starts_at": tomorrow(10) + timedelta(days=3),
        "ends_at": tomorrow(11) + timedelta(days=3),
    }
    with pytest.raises(errors.ReservationTooFar):
        book(cast, station, driver=cast.driver, kind="driver", **late)
    assert book(cast, station, driver=cast.driver, **late).pk


def test_a_driver_has_so_many_open_bookings_and_no_more(cast):
    station = make_station(cast)
    for hour in (8, 12):
        book(
            cast,
            station,
            driver=cast.driver,
            kind="driver",
            starts_at=tomorrow(hour),
            ends_at=tomorrow(hour + 1),
        )
    with pytest.raises(errors.TooManyReservations):
        book(cast, station, driver=cast.driver, kind="driver")


def test_who_misses_too_many_books_no_more(cast):
    station = make_station(cast)
    fleet_services.change_policy(
        cast.a, actor=cast.actor(), values={"reservation_no_show_limit": 1}
    )
    at = tomorrow(10)
    book(cast, station, driver=cast.driver, kind="driver")
    services.release_no_shows(at=at + timedelta(minutes=15))
    with pytest.raises(errors.NoShowLimit):
        book(
            cast,
            station,
            driver=cast.driver,
            kind="driver",
            starts_at=tomorrow(12),
            ends_at=tomorrow(13),
        )


def test_opening_hours_hold_in_the_stations_zone(cast):
    hours = {day: [["06:00", "22:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}
    station = make_station(cast, opening_hours=hours, time_zone="UTC")
    with pytest.raises(errors.StationClosed):
        book(cast, station, starts_at=tomorrow(5, 30), ends_at=tomorrow(6, 30))
    with pytest.raises(errors.StationClosed):
        book(cast, station, starts_at=tomorrow(21), ends_at=tomorrow(23))
    assert book(cast, station, starts_at=tomorrow(6), ends_at=tomorrow(22)).pk


def test_what_is_out_of_service_is_not_booked(cast):
    station = make_station(cast, chargers=1)
    services.set_evse_status(plug(station).evse, actor=cast.actor(), status="OUTOFORDER")
    with pytest.raises(errors.EvseOutOfService):
        book(cast, station)
    services.set_evse_status(plug(station).evse, actor=cast.actor(), status="AVAILABLE")
    vehicle_services.send_to_maintenance(cast.vehicle, actor=cast.actor(), reason="brakes")
    cast.vehicle.refresh_from_db()
    with pytest.raises(VehicleNotInService):
        book(cast, station)
    services.retire_station(station, actor=cast.actor())
    station.refresh_from_db()
    with pytest.raises(errors.StationNotBookable):
        book(cast, station, cast.other_vehicle)


def test_a_plug_must_fit_the_inlet(cast):
    station = make_station(cast)
    VehicleModel.objects.filter(pk=cast.vehicle.model_id).update(inlets=["CHADEMO"])
    cast.vehicle.refresh_from_db()
    with pytest.raises(errors.ConnectorDoesNotFit):
        book(cast, station)


def test_a_suspended_driver_or_provider_books_nothing(cast):
    station = make_station(cast)
    driver = driver_services.suspend_driver(cast.driver, actor=cast.actor(), reason="papers")
    with pytest.raises(Exception, match="driver_not_active"):
        book(cast, station, driver=driver)
    fleet_services.suspend_provider(cast.a, actor=cast.platform, reason="unpaid")
    station.refresh_from_db()
    with pytest.raises(ProviderNotActive):
        book(cast, type(station).objects.get(pk=station.pk))


def test_a_suspended_companys_booking_is_shortened_and_neither_moved_nor_extended(cast):
    booking = book(cast, make_station(cast))
    start, end = booking.starts_at, booking.ends_at
    quarter = timedelta(minutes=15)
    fleet_services.suspend_provider(cast.a, actor=cast.platform, reason="unpaid")
    for moved in (
        {"ends_at": end + quarter},
        {"starts_at": start - quarter},
        {"starts_at": end, "ends_at": end + quarter},
    ):
        with pytest.raises(ProviderNotActive):
            services.change_period(booking, actor=cast.actor(), **moved)
    booking.refresh_from_db()
    assert (booking.starts_at, booking.ends_at) == (start, end)
    services.change_period(booking, actor=cast.actor(), ends_at=end - quarter)
    booking.refresh_from_db()
    assert (booking.starts_at, booking.ends_at) == (start, end - quarter)


def test_another_companys_vehicle_or_station_does_not_exist(cast):
    station = make_station(cast)
    with pytest.raises(NotFound):
        book(cast, station, cast.foreign_vehicle)
    with pytest.raises(NotFound):
        book(cast, make_station(cast, provider=cast.b, name="Hof"))


def test_a_stale_booking_gives_way_even_with_no_beat(cast):
    station = make_station(cast, chargers=1)
    missed = book(cast, station)
    at = tomorrow(10, 16)
    taken = book(
        cast,
        station,
        cast.other_vehicle,
        starts_at=tomorrow(10, 20),
        ends_at=tomorrow(11),
        at=at,
    )
    missed.refresh_from_db()
    assert (missed.status, taken.status) == ("no_show", "reserved")
    assert missed.events.last().actor == "system:reservations.release"


def test_a_pending_hold_whose_start_has_come_has_failed(cast):
    station = make_station(cast, chargers=1, hold_channel="csms")
    pending = book(cast, station)
    assert pending.status == "pending"
    assert services.release_no_shows(at=tomorrow(9, 59)) == 0
    assert services.release_no_shows(at=tomorrow(10)) == 1
    pending.refresh_from_db()
    assert pending.status == "failed"


def test_hours_over_a_clock_change():
    from reservations.opening import open_throughout

    hours = {"sun": [["00:00", "24:00"]]}
    zone = clock.zone("America/Tijuana")
    day = datetime(2026, 11, 1, 7, tzinfo=UTC)  # local midnight; 25 hours follow
    assert open_throughout(hours, zone, day, day + timedelta(hours=25))
    assert not open_throughout(hours, zone, day, day + timedelta(hours=25, minutes=1))


def test_a_booking_and_a_charger_tell_in_the_words_of_ocpi(cast):
    station = make_station(cast)
    booking = book(cast, station)
    services.change_period(booking, actor=cast.actor(), ends_at=tomorrow(12))
    services.cancel(booking, actor=cast.actor())
    told = Event.objects.filter(object_type="reservation").order_by("id")
    assert [event.kind for event in told] == [
        "reservation.reserved", "reservation.updated", "reservation.canceled",
    ]  # fmt: skip
    assert {event.related["vehicle"] for event in told} == {cast.vehicle.pk}
    versions = [event.object_version for event in told]
    assert versions == sorted(set(versions))
    services.set_evse_status(plug(station).evse, actor=cast.actor(), status="OUTOFORDER")
    services.set_evse_status(plug(station).evse, actor=cast.actor(), status="OUTOFORDER")
    (event,) = Event.objects.filter(kind="connector.status")
    assert (event.object_id, event.to_state) == (plug(station).pk, "OUTOFORDER")


def test_a_driver_is_told_what_the_company_cancels_and_not_what_he_did_himself(cast):
    station, own = make_station(cast), Actor("user", cast.driver.user_id, cast.a.pk)
    services.cancel(book(cast, station, driver=cast.driver), actor=own)
    assert not Notice.objects.exists()
    booking = book(cast, station, driver=cast.driver)
    services.cancel(booking, actor=cast.actor())
    notice = Notice.objects.get(user=cast.driver.user)
    assert (notice.kind, notice.about_id) == ("reservations.cancelled", booking.pk)
    assert notice.params["station"] == station.name
