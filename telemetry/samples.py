"""A sample: what may stand in one, its checks, and its scaled form in the store.

Positions are floats in degrees, everything else a number in the unit that its name says; the store
holds whole numbers (`Column`), so that equal means equal. Not here: whose vehicle it is
(`services.batches`), and the table (`telemetry.store`).
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
from msgspec import Meta

from telemetry.errors import (
    PositionIncomplete,
    RecordedInFuture,
    RecordedTooEarly,
    VehicleRequired,
)
from voltop.api import errors as api
from voltop.api.walk import SUSPICIOUS
from voltop.errors import DomainError

MAX_SAMPLES = 5000
MAX_AHEAD = timedelta(minutes=5)
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)

CHARGING = {"none": 0, "ac": 1, "dc": 2}
CHARGING_NAMES = {code: name for name, code in CHARGING.items()}

_Text = Annotated[str, Meta(min_length=1, max_length=64)]


class Sample(msgspec.Struct, gc=False):
    """One reading of one vehicle. All but the vehicle and the time may be missing, and missing is
    not zero. battery_power_kw: + discharging, − charging. occupied: a fare on board.
    """

    recorded_at: Annotated[datetime, Meta(tz=True)]
    vehicle: Annotated[int, Meta(ge=1, le=2**63 - 1)] | None = None
    device: _Text | None = None
    ref: _Text | Annotated[int, Meta(ge=-(2**53), le=2**53)] | None = None
    latitude: Annotated[float, Meta(ge=-90, le=90)] | None = None
    longitude: Annotated[float, Meta(ge=-180, le=180)] | None = None
    altitude_m: Annotated[float, Meta(ge=-1000, le=10_000)] | None = None
    speed_kmh: Annotated[float, Meta(ge=0, le=400)] | None = None
    heading_deg: Annotated[float, Meta(ge=0, le=360)] | None = None
    accuracy_m: Annotated[float, Meta(ge=0, le=100_000)] | None = None
    odometer_km: Annotated[float, Meta(ge=0, le=2_000_000)] | None = None
    soc_pct: Annotated[float, Meta(ge=0, le=100)] | None = None
    range_km: Annotated[float, Meta(ge=0, le=3000)] | None = None
    battery_power_kw: Annotated[float, Meta(ge=-2000, le=2000)] | None = None
    battery_temp_c: Annotated[float, Meta(ge=-60, le=150)] | None = None
    outside_temp_c: Annotated[float, Meta(ge=-90, le=70)] | None = None
    charging: Literal["none", "ac", "dc"] | None = None
    plugged: bool | None = None
    ignition: bool | None = None
    occupied: bool | None = None


FIELDS = frozenset(Sample.__struct_fields__)


class Column(NamedTuple):
    """One column of the sample table: which field it holds, times which factor."""

    name: str
    type: str
    field: str
    scale: int


VALUE_COLUMNS = (
    Column("latitude_e7", "int4", "latitude", 10_000_000),
    Column("longitude_e7", "int4", "longitude", 10_000_000),
    Column("odometer_m", "int4", "odometer_km", 1000),
    Column("battery_power_w", "int4", "battery_power_kw", 1000),
    Column("accuracy_dm", "int4", "accuracy_m", 10),
    Column("altitude_m", "int2", "altitude_m", 1),
    Column("speed_kmh_x10", "int2", "speed_kmh", 10),
    Column("heading_deg_x10", "int2", "heading_deg", 10),
    Column("soc_pct_x100", "int2", "soc_pct", 100),
    Column("range_km_x10", "int2", "range_km", 10),
    Column("battery_temp_c_x10", "int2", "battery_temp_c", 10),
    Column("outside_temp_c_x10", "int2", "outside_temp_c", 10),
    Column("charging", "int2", "charging", 0),
    Column("plugged", "bool", "plugged", 0),
    Column("ignition", "bool", "ignition", 0),
    Column("occupied", "bool", "occupied", 0),
)
"""In the order of the table (widest first) and of `Row` after its four leading columns."""

KEY_COLUMNS = ("vehicle_id", "recorded_at", "received_at", "source_id")
FIRST_VALUE = len(KEY_COLUMNS)

Row = tuple[Any, ...]
"""(vehicle_id, recorded_at, received_at, source_id, *VALUE_COLUMNS); both times as whole
microseconds since PostgreSQL's epoch, which is what binary COPY sends for a timestamptz."""

PG_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_EPOCH_US = int(PG_EPOCH.timestamp()) * 1_000_000
_MICROSECOND = timedelta(microseconds=1)


def to_us(at: datetime) -> int:
    """Microseconds since PostgreSQL's epoch."""
    return (at - PG_EPOCH) // _MICROSECOND


def from_us(us: int) -> datetime:
    return PG_EPOCH + timedelta(microseconds=us)


def to_row(sample: Sample, vehicle_id: int, received_us: int, source_id: int) -> Row:
    """The scaled form of a checked sample; the time is cut to the millisecond.

    Spelled out field by field: this runs once a sample on the hottest path of the house.
    """
    us = int(sample.recorded_at.timestamp() * 1000 + 0.0005) * 1000 - _EPOCH_US
    v = sample
    return (
        vehicle_id,
        us,
        received_us,
        source_id,
        None if v.latitude is None else round(v.latitude * 1e7),
        None if v.longitude is None else round(v.longitude * 1e7),
        None if v.odometer_km is None else round(v.odometer_km * 1000),
        None if v.battery_power_kw is None else round(v.battery_power_kw * 1000),
        None if v.accuracy_m is None else round(v.accuracy_m * 10),
        None if v.altitude_m is None else round(v.altitude_m),
        None if v.speed_kmh is None else round(v.speed_kmh * 10),
        None if v.heading_deg is None else round(v.heading_deg * 10) % 3600,
        None if v.soc_pct is None else round(v.soc_pct * 100),
        None if v.range_km is None else round(v.range_km * 10),
        None if v.battery_temp_c is None else round(v.battery_temp_c * 10),
        None if v.outside_temp_c is None else round(v.outside_temp_c * 10),
        None if v.charging is None else CHARGING[v.charging],
        v.plugged,
        v.ignition,
        v.occupied,
    )


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why one sample of a batch was not taken."""

    index: int
    ref: str | int | None
    error: DomainError


class Decoded(NamedTuple):
    """The list of a body, and the names beside it that mean nothing here."""

    items: list[Any]
    unknown_fields: list[str]


class _Whole(Sample, gc=False, forbid_unknown_fields=True):
    """A sample about whose fields there is nothing to say."""


class _Body(msgspec.Struct, forbid_unknown_fields=True):
    samples: list[_Whole]


_decode_whole = msgspec.json.Decoder(_Body).decode


def decode_whole(raw: bytes) -> list[Sample] | None:
    """The samples of a body in one step, each right in its fields, none with an unknown one.

    None where that cannot be said: then `decode_batch` and `parse`, which take twice as long, find
    out what is wrong with which. What passes here passes there, with the same values.
    """
    try:
        return [*_decode_whole(raw).samples]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def decode_batch(raw: bytes) -> Decoded:
    """The samples of a body `{"samples": […]}`, untyped; of a repeated key the last one counts.

    NaN and numbers too large pass here, so that they cost no more than the sample they stand in.
    Raises BodyRequired, InvalidUtf8, MalformedJson, NestingTooDeep, NumberTooLong,
    ObjectExpected, Required, ListExpected (400).
    """
    if not raw.strip():
        raise api.BodyRequired()
    try:
        body = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        body = _decode_slowly(raw)
    if type(body) is not dict:
        raise api.ObjectExpected()
    if "samples" not in body:
        raise api.Required(field="samples")
    items = body.pop("samples")
    if type(items) is not list:
        raise api.ListExpected(field="samples")
    return Decoded(items, _shown(body))


def _decode_slowly(raw: bytes) -> Any:
    """Python's decoder takes what one bad sample may hold; what it refuses is no JSON at all."""
    try:
        return json.loads(raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise api.InvalidUtf8() from error
    except json.JSONDecodeError as error:
        raise api.MalformedJson(line=error.lineno, column=error.colno) from error
    except RecursionError as error:
        raise api.NestingTooDeep() from error
    except ValueError as error:  # Python's own bound on the digits of an integer
        raise api.NumberTooLong() from error


def _shown(names: Iterable[str]) -> list[str]:
    """Names that may stand in an answer."""
    return sorted(name[:64] for name in names if not SUSPICIOUS.search(name))[:50]


class Parsed(NamedTuple):
    """Samples that are right in themselves, with their place in the batch, and the others."""

    samples: list[tuple[int, Sample]]
    rejected: list[Rejection]
    unknown_fields: list[str]


def parse(items: list[Any], *, at: datetime) -> Parsed:
    """Check a decoded batch: the whole at once, and item by item only if that fails.

    Unknown fields are ignored and named. `at` is now: what says to be later than 5 minutes after
    it is refused.
    """
    rejected: list[Rejection] = []
    samples: list[tuple[int, Sample]] = []
    try:
        samples.extend(enumerate(msgspec.convert(items, list[Sample])))
    except (msgspec.ValidationError, UnicodeEncodeError):
        for index, item in enumerate(items):
            try:
                samples.append((index, msgspec.convert(item, Sample)))
            except msgspec.ValidationError as error:
                rejected.append(Rejection(index, _ref_of(item), rejection_of(str(error))))
            except UnicodeEncodeError:
                rejected.append(Rejection(index, _ref_of(item), api.Surrogates()))
    good, wrong = check(samples, at=at)
    return Parsed(good, rejected + wrong, _unknown_fields(items))


def check(
    samples: list[tuple[int, Sample]], *, at: datetime
) -> tuple[list[tuple[int, Sample]], list[Rejection]]:
    """The samples that are right as a whole, and the others; each of their fields is right."""
    latest = at + MAX_AHEAD
    wrong = [
        Rejection(index, sample.ref, error)
        for index, sample in samples
        if (error := _check(sample, latest)) is not None
    ]
    if not wrong:
        return samples, wrong
    refused = {rejection.index for rejection in wrong}
    return [(index, sample) for index, sample in samples if index not in refused], wrong


def _unknown_fields(items: Iterable[Any]) -> list[str]:
    shapes = {tuple(item) for item in items if type(item) is dict}
    unknown = {name for shape in shapes for name in shape} - FIELDS
    return _shown(unknown)


def _check(sample: Sample, latest: datetime) -> DomainError | None:
    """What no single field can tell."""
    if (sample.vehicle is None) is (sample.device is None):
        return VehicleRequired(field="vehicle")
    if (sample.latitude is None) is not (sample.longitude is None):
        return PositionIncomplete(field="latitude")
    if sample.recorded_at > latest:
        return RecordedInFuture(field="recorded_at")
    if sample.recorded_at < EARLIEST:
        return RecordedTooEarly(field="recorded_at")
    if sample.device is not None and SUSPICIOUS.search(sample.device):
        return api.ControlCharacters(field="device")
    return None


def _ref_of(item: Any) -> str | int | None:
    """The caller's own name of a sample that could not be read, if that can."""
    ref = item.get("ref") if type(item) is dict else None
    if type(ref) is str:
        return ref[:64].encode("utf-8", "replace").decode()
    return ref if type(ref) is int and abs(ref) <= 2**53 else None


_PATH = re.compile(r" - at `\$\.?([^`]*)`$")
_CONVERSIONS: Mapping[str, type[DomainError]] = {
    "Expected `datetime` with a timezone": api.OffsetRequired,
    "Expected `datetime`": api.InvalidInstant,
    "Invalid RFC3339": api.InvalidInstant,
    "Timestamp is out of range": api.InstantOutOfRange,
    "Object missing required field": api.Required,
    "Invalid enum value": api.InvalidChoice,
    "Number out of range": api.OutOfRange,
    "Expected `object`": api.ObjectExpected,
    "Expected `bool": api.BooleanExpected,
    "Expected `str": api.StringExpected,
    "Expected `float": api.InvalidNumber,
    "Expected `int": api.InvalidNumber,
}
_RANGE = re.compile(r"Expected `(?:float|int)` [<>]=")
_LENGTH = re.compile(r"Expected `str` of length ([<>])=")


def rejection_of(message: str) -> DomainError:
    """msgspec's words for what is wrong with one sample, as one of our errors."""
    path = _PATH.search(message)
    field = path.group(1) if path else ""
    if message.startswith("Object missing required field"):
        return api.Required(field=message.split("`")[1])
    if _RANGE.match(message):
        return api.OutOfRange(field=field)
    if length := _LENGTH.match(message):
        return (api.TooShort if length.group(1) == ">" else api.TooLong)(field=field)
    for start, error_class in _CONVERSIONS.items():
        if message.startswith(start):
            return error_class(field=field)
    return api.InvalidValue(field=field)
