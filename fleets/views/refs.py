"""One's own keys: what other systems call our objects."""

from rest_framework.request import Request
from rest_framework.response import Response

from fleets import services
from fleets.errors import InvalidRef, RefTaken
from fleets.filters import ExternalRefFilter
from fleets.models import ExternalRef
from fleets.serializers.refs import ExternalRefInputSerializer, ExternalRefSerializer
from voltop.api import errors
from voltop.api.viewsets import ListRetrieveViewSet
from voltop.errors import PermissionDenied
from voltop.records import record_kinds


class ExternalRefView(ListRetrieveViewSet):
    """Keys of other systems. Records themselves are put under `…/by-ref/{system}/{id}`."""

    queryset = ExternalRef.objects.all()
    serializer_class = ExternalRefSerializer
    filterset_class = ExternalRefFilter
    permissions = {
        "list": "fleets.view_externalref",
        "retrieve": "fleets.view_externalref",
        "create": "fleets.add_externalref",
        "destroy": "fleets.delete_externalref",
    }
    input_serializers = {"create": ExternalRefInputSerializer}
    errors = {"create": (InvalidRef, RefTaken, errors.ObjectNotFound)}

    def create(self, request: Request) -> Response:
        """Say what a system calls an object; its former id there is forgotten."""
        values = self.read_input()
        kind = record_kinds()[values["kind"]]
        if not request.user.has_perm(kind.change_permission):
            raise PermissionDenied(permission=kind.change_permission)
        obj = kind.rows(self.principal.provider_id or 0).filter(pk=values["object_id"]).first()
        if obj is None:
            raise errors.ObjectNotFound(field="object_id")
        ref = services.link_object(
            obj, actor=self.actor, system=values["system"], external_id=values["external_id"]
        )
        return self.respond(ref, status=201)

    def destroy(self, request: Request, pk: str) -> Response:
        """Forget what a system calls an object; the object stays."""
        services.unlink_ref(self.get_object(), actor=self.actor)
        return Response(status=204)
