"""The API of imports: hand a file in, watch it, read what is wrong with its rows."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from fleets import services
from fleets.errors import ImportFileGone, ImportUnderWay, ProviderNotActive
from fleets.filters import DataImportFilter
from fleets.models import DataImport, DataImportProblem
from fleets.selectors import active_provider
from fleets.serializers.imports import (
    DataImportInputSerializer,
    DataImportProblemSerializer,
    DataImportSerializer,
)
from voltop import tabular
from voltop.api.errors import InvalidBase64
from voltop.api.viewsets import ListRetrieveViewSet, ListViewSet
from voltop.errors import NotFound, PermissionDenied
from voltop.records import record_kinds

FILE_ERRORS = (
    tabular.DoubledColumns,
    tabular.EmptyTable,
    tabular.MissingColumns,
    tabular.TableTooLarge,
    tabular.UnknownColumns,
    tabular.UnreadableTable,
    tabular.WrongDelimiter,
    tabular.WrongEncoding,
)


class DataImportView(ListRetrieveViewSet):
    """Files of records. Needs, beside its own permission, what the kind's POST needs."""

    queryset = DataImport.objects.select_related("job").defer("content")
    serializer_class = DataImportSerializer
    filterset_class = DataImportFilter
    ordering = ("-id",)
    permissions = {
        "list": "fleets.view_dataimport",
        "retrieve": "fleets.view_dataimport",
        "create": "fleets.add_dataimport",
        "apply": "fleets.add_dataimport",
    }
    input_serializers = {"create": DataImportInputSerializer}
    statuses = {"create": 202, "apply": 202}
    errors = {
        "create": (*FILE_ERRORS, InvalidBase64, ProviderNotActive, ImportUnderWay),
        "apply": (*FILE_ERRORS, ProviderNotActive, ImportFileGone, ImportUnderWay),
    }
    body_max_bytes: ClassVar[dict[str, int]] = {"create": 14_000_000}

    def create(self, request: Request) -> Response:
        """Hand a file in. What is wrong with it as a whole is answered at once (400, 413)."""
        values = self.read_input()
        kind = record_kinds()[values.pop("kind")]
        self._require(kind.add_permission)
        provider = active_provider(self.actor)
        sheet = services.read_columns(
            kind, provider.pk, values["content"], values.get("delimiter", ",")
        )
        if sheet.has_refs:
            self._require(kind.change_permission)
        made = services.request_import(provider, actor=self.actor, kind=kind, **values)
        return self.respond(made, status=202)

    @action(detail=True, methods=["post"])
    def apply(self, request: Request, pk: str) -> Response:
        """Take in for real what a dry run has judged; an import of its own."""
        judged = self.get_object()
        kind = record_kinds()[judged.kind]
        for permission in (kind.add_permission, kind.change_permission):
            self._require(permission)
        return self.respond(services.apply_import(judged, actor=self.actor), status=202)

    def _require(self, permission: str) -> None:
        if not self.request.user.has_perm(permission):
            raise PermissionDenied(permission=permission)


class DataImportProblemView(ListViewSet):
    """What is wrong with an import's rows, in their order."""

    queryset = DataImportProblem.objects.all()
    serializer_class = DataImportProblemSerializer
    permissions = {"list": "fleets.view_dataimportproblem"}

    def narrow_queryset(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        found = DataImport.objects.for_provider(self.actor.provider_id)
        if not found.filter(pk=self.kwargs["import_pk"]).exists():
            raise NotFound()
        return rows.filter(data_import_id=self.kwargs["import_pk"])
