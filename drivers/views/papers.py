"""The API of drivers' papers: staff look and judge, drivers hand in their own."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import HttpResponse
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from drivers import errors, papers, services
from drivers.errors import NoDriverRecord
from drivers.filters import DocumentFilter, OwnDocumentFilter
from drivers.models import Driver, DriverDocument
from drivers.selectors import own_driver
from drivers.serializers import (
    DocumentCorrectSerializer,
    DocumentInputSerializer,
    DocumentSerializer,
    OwnDocumentInputSerializer,
    StandingsSerializer,
)
from fleets.errors import UnknownCountry
from voltop import clock, files
from voltop.api.errors import InvalidBase64
from voltop.api.serializers import ReasonSerializer
from voltop.api.viewsets import ListRetrieveViewSet
from voltop.crypto import KeyDestroyed
from voltop.errors import IllegalMove, ReasonRequired
from voltop.files import errors as file_errors
from voltop.tables import StoredFile

SAID = (UnknownCountry, errors.InvalidDocumentDates)
HANDED_IN = (
    InvalidBase64,
    *file_errors.OF_A_FILE,
    *SAID,
    errors.DocumentRunOut,
    errors.DriverNotActive,
    errors.FilesFull,
    errors.TooManyFiles,
    KeyDestroyed,
)
BODY_MAX_BYTES = 14_000_000
CONTENT_TYPES = tuple(StoredFile.ContentType.values)


def hand_in(driver: Driver, actor: Any, values: dict[str, Any]) -> DriverDocument:
    """Look through the file, then take the paper in."""
    content, name = values.pop("content"), values.pop("file_name", "")
    prepared = files.prepare(content, name=name, actor=actor)
    return services.hand_in_document(driver, actor=actor, file=prepared, **values)


class DocumentViewSet(ListRetrieveViewSet):
    """Papers of drivers: licences, identity documents, permits."""

    queryset = DriverDocument.objects.with_file()
    serializer_class = DocumentSerializer
    filterset_class = DocumentFilter
    ordering = ("-id",)
    permissions = {
        "list": "drivers.view_driverdocument",
        "retrieve": "drivers.view_driverdocument",
        "create": "drivers.add_driverdocument",
        "partial_update": "drivers.change_driverdocument",
        "approve": "drivers.review_driverdocument",
        "reject": "drivers.review_driverdocument",
        "file": "drivers.view_driverdocument",
    }
    input_serializers = {
        "create": DocumentInputSerializer,
        "partial_update": DocumentCorrectSerializer,
        "approve": ReasonSerializer,
        "reject": ReasonSerializer,
    }
    errors = {
        "create": HANDED_IN,
        "partial_update": (*SAID, errors.OwnDocument),
        "approve": (IllegalMove, errors.DocumentRunOut, errors.OwnDocument),
        "reject": (IllegalMove, ReasonRequired, errors.OwnDocument),
        "file": file_errors.OF_READING,
    }
    files = {"file": CONTENT_TYPES}
    body_max_bytes: ClassVar[dict[str, int]] = {"create": BODY_MAX_BYTES}

    def create(self, request: Request) -> Response:
        """Hand a paper in for a driver; it is reviewed like one that the driver hands in."""
        values = self.read_input()
        return self.respond(hand_in(values.pop("driver"), self.actor, values), status=201)

    def partial_update(self, request: Request, pk: str) -> Response:
        """Put right what was written down; a last day that was wrong takes effect at once."""
        document = self.get_object()
        values = self.read_input()
        return self.respond(services.correct_document(document, actor=self.actor, **values))

    @action(detail=True, methods=["post"])
    def approve(self, request: Request, pk: str) -> Response:
        """Pending → approved; with the last demanded paper the driver becomes active."""
        return self._judge(services.approve_document)

    @action(detail=True, methods=["post"])
    def reject(self, request: Request, pk: str) -> Response:
        """Pending or approved → rejected; needs a reason, which the driver is told."""
        return self._judge(services.reject_document)

    @action(detail=True, methods=["get"])
    def file(self, request: Request, pk: str) -> HttpResponse:
        """The paper itself, as a file to be saved. That it was seen is in the audit trail."""
        return files.download(services.open_file(self.get_object(), actor=self.actor))

    def _judge(self, service: Any) -> Response:
        document = self.get_object()
        reason = self.read_input().get("reason", "")
        return self.respond(service(document, actor=self.actor, reason=reason))


class OwnDocumentViewSet(ListRetrieveViewSet):
    """A driver's own papers."""

    queryset = DriverDocument.objects.with_file()
    serializer_class = DocumentSerializer
    filterset_class = OwnDocumentFilter
    ordering = ("-id",)
    permissions = dict.fromkeys(
        ("list", "retrieve", "create", "file", "demanded"), "drivers.own_papers"
    )
    input_serializers = {"create": OwnDocumentInputSerializer}
    output_serializers = {"demanded": StandingsSerializer}
    errors = {
        "create": (*HANDED_IN, NoDriverRecord),
        "file": file_errors.OF_READING,
        "demanded": (NoDriverRecord,),
    }
    files = {"file": CONTENT_TYPES}
    body_max_bytes: ClassVar[dict[str, int]] = {"create": BODY_MAX_BYTES}

    def narrow_queryset(self, rows: QuerySet[DriverDocument]) -> QuerySet[DriverDocument]:
        return rows.filter(driver__user_id=self.actor.id or 0)

    def create(self, request: Request) -> Response:
        """Hand in a paper; staff review it. Twenty files an hour, 200 MB in all."""
        driver = own_driver(self.actor)
        return self.respond(hand_in(driver, self.actor, self.read_input()), status=201)

    @action(detail=True, methods=["get"])
    def file(self, request: Request, pk: str) -> HttpResponse:
        """One's own paper, as a file to be saved."""
        return files.download(services.open_file(self.get_object(), actor=self.actor))

    @action(detail=False, methods=["get"])
    def demanded(self, request: Request) -> Response:
        """What the company demands, and how each of it stands today by its calendar."""
        driver = own_driver(self.actor)
        today = papers.today_at(driver.provider, clock.now())
        found = papers.standings(driver, papers.demanded_of(driver.provider_id), today)
        return Response(StandingsSerializer({"papers": found}).data)
