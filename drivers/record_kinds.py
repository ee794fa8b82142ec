"""Drivers and their papers as other systems put them: by their own key, in bulk, by file."""

from typing import Any

from drivers import services
from drivers.models import Driver, DriverDocument
from drivers.selectors import driver_named
from drivers.serializers import (
    DocumentCorrectSerializer,
    DocumentRowSerializer,
    DriverInviteSerializer,
    DriverUpdateSerializer,
)
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


def _create_document(provider: FleetProvider, actor: Actor, values: dict[str, Any]) -> Any:
    driver = values.pop("driver")
    return services.hand_in_document(driver, actor=actor, file=None, **values)


def _update_document(
    document: DriverDocument, actor: Actor, values: dict[str, Any]
) -> DriverDocument:
    return services.correct_document(document, actor=actor, **values)


DOCUMENTS = RecordKind(
    name="documents",
    model=DriverDocument,
    new=DocumentRowSerializer,
    change=DocumentCorrectSerializer,
    create=_create_document,
    update=_update_document,
    add_permission="drivers.add_driverdocument",
    change_permission="drivers.change_driverdocument",
    columns={
        "driver": Column(("conductor", "motorista", "fahrer"), driver_named),
        "kind": Column(("document", "tipo", "documento", "art")),
        "country": Column(("país", "land")),
        "number": Column(("licence number", "número", "nummer")),
        "categories": Column(("classes", "categorías", "categorias", "klassen")),
        "issued_on": Column(("issued", "fecha de expedición", "data de emissão", "ausgestellt")),
        "expires_on": Column(("expires", "valid until", "vencimiento", "validade", "gültig bis")),
    },
)


def drivers() -> RecordKind:
    return DRIVERS


def documents() -> RecordKind:
    return DOCUMENTS
