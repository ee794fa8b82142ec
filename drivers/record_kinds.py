"""Drivers as other systems put them: by their own key, in bulk, by file."""

from typing import Any

from drivers import services
from drivers.models import Driver
from drivers.serializers import DriverInviteSerializer, DriverUpdateSerializer
from fleets.models import FleetProvider
from fleets.selectors import depot_named
from voltop.columns import Column
from voltop.context import Actor
from voltop.records import RecordKind


def _create(provider: FleetProvider, actor: Actor, values: dict[str, Any]) -> Driver:
    return services.invite_driver(provider, actor=actor, **values)


def _update(driver: Driver, actor: Actor, values: dict[str, Any]) -> Driver:
    return services.update_driver(driver, actor=actor, **values)


COLUMNS = {
    "given_name": Column(("first name", "nombre", "nome", "vorname")),
    "family_name": Column(
        ("last name", "surname", "apellido", "apellidos", "sobrenome", "nachname")
    ),
    "phone": Column(("telephone", "mobile", "teléfono", "celular", "telefone", "telefon")),
    "email": Column(("e-mail", "mail", "correo", "correo electrónico")),
    "employee_number": Column(
        ("personnel number", "número de empleado", "matrícula", "personalnummer")
    ),
    "national_id": Column(("curp", "cpf")),
    "birth_date": Column(("fecha de nacimiento", "data de nascimento", "geburtsdatum")),
    "language": Column(("idioma", "sprache")),
    "hired_on": Column(("fecha de ingreso", "data de admissão", "eintrittsdatum")),
    "depot": Column(("depósito", "garagem", "betriebshof"), depot_named),
}

DRIVERS = RecordKind(
    name="drivers",
    model=Driver,
    new=DriverInviteSerializer,
    change=DriverUpdateSerializer,
    create=_create,
    update=_update,
    add_permission="drivers.add_driver",
    change_permission="drivers.change_driver",
    columns=COLUMNS,
)


def drivers() -> RecordKind:
    return DRIVERS
