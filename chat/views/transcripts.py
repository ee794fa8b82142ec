"""Everything that was said with a driver, as one document; never the notes among staff."""

from rest_framework.request import Request
from rest_framework.response import Response

from chat.serializers import TranscriptSerializer
from chat.transcripts import transcript_of
from drivers.errors import NoDriverRecord
from drivers.models import Driver
from drivers.selectors import own_driver
from voltop.api.fields import INT8_MAX
from voltop.api.views import OperationView
from voltop.context import Actor
from voltop.errors import NotFound
from voltop.exports import TooManyExports, let_out


class TranscriptView(OperationView):
    """For the company: with the names of who wrote. That it was read is audited."""

    permissions = {"get": "chat.view_message"}
    output_serializers = {"get": TranscriptSerializer}
    errors = {"get": (TooManyExports,)}

    def get(self, request: Request, pk: str) -> Response:
        """All conversations with a driver."""
        key = min(int(pk), INT8_MAX)
        driver = Driver.objects.for_provider(self.actor.provider_id).filter(pk=key).first()
        if driver is None:
            raise NotFound()
        _note(self.actor, driver)
        return Response(transcript_of(driver, names=True))


class OwnTranscriptView(OperationView):
    """For the driver: staff are called by the company's name."""

    permissions = {"get": "chat.speak_as_driver"}
    output_serializers = {"get": TranscriptSerializer}
    errors = {"get": (NoDriverRecord, TooManyExports)}

    def get(self, request: Request) -> Response:
        """All of one's own conversations at the active company."""
        driver = own_driver(self.actor)
        _note(self.actor, driver)
        return Response(transcript_of(driver, names=False))


def _note(actor: Actor, driver: Driver) -> None:
    filters = {"driver": str(driver.pk)}
    let_out(actor, "conversations", "json", filters)
