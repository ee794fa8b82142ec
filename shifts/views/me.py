"""A driver's own shift: what runs or comes next, and its moves, from the phone.

Every POST needs an Idempotency-Key; start and end may also be repeated with a new one.
"""

from collections.abc import Callable
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from drivers.errors import NoDriverRecord
from drivers.selectors import own_driver
from shifts import selectors, services
from shifts.errors import NoRunningShift, StartRefused
from shifts.models import Shift
from shifts.serializers import OwnStartSerializer, ShiftSerializer
from voltop.api.views import OperationView
from voltop.errors import IllegalMove, NotFound

OWN = "shifts.work_shift"


class OwnShiftView(OperationView):
    """GET: the running shift, else the next planned one; 404 without either."""

    permissions = {"get": OWN}
    output_serializers = {"get": ShiftSerializer}
    errors = {"get": (NoDriverRecord,)}

    def get(self, request: Request) -> Response:
        """The driver's running shift, else the next planned one."""
        shift = selectors.current_or_next_shift(own_driver(self.actor))
        if shift is None:
            raise NotFound()
        return show(shift)


class OwnStartView(OperationView):
    permissions = {"post": OWN}
    input_serializers = {"post": OwnStartSerializer}
    output_serializers = {"post": ShiftSerializer}
    errors = {"post": (NoDriverRecord, StartRefused)}
    idempotency = "required"

    def post(self, request: Request) -> Response:
        """Start: the shift planned for now, else an unplanned one. Running already: the same."""
        driver = own_driver(self.actor)
        return show(services.start_shift(driver, actor=self.actor, **self.read_input()))


class OwnMoveView(OperationView):
    """A move of the running shift."""

    permissions = {"post": OWN}
    output_serializers = {"post": ShiftSerializer}
    errors = {"post": (NoDriverRecord, NoRunningShift, IllegalMove)}
    idempotency = "required"
    service: Callable[..., Shift]

    def post(self, request: Request) -> Response:
        shift = selectors.running_shift(own_driver(self.actor))
        if shift is None:
            raise NoRunningShift()
        return show(type(self).service(shift, actor=self.actor))


class OwnBreakView(OwnMoveView):
    """Active → on break."""

    service = services.take_break


class OwnResumeView(OwnMoveView):
    """On break → active."""

    service = services.resume


class OwnEndView(OperationView):
    """End the running shift; ended just now: the same again."""

    permissions = {"post": OWN}
    output_serializers = {"post": ShiftSerializer}
    errors = {"post": (NoDriverRecord, NoRunningShift)}
    idempotency = "required"

    def post(self, request: Request) -> Response:
        """Running → ended now. Without a running shift, the last one that ended."""
        driver = own_driver(self.actor)
        shift = selectors.running_shift(driver) or selectors.last_worked_shift(driver)
        if shift is None:
            raise NoRunningShift()
        return show(services.end_shift(shift, actor=self.actor))


def show(shift: Shift) -> Response:
    """The shift as the phone gets it, read again after a write."""
    found = Shift.objects.with_parts().get(pk=shift.pk)
    data: dict[str, Any] = ShiftSerializer(found).data
    return Response(data, headers={"ETag": f'"{found.row_version}"'})
