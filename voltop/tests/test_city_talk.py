"""What the demo's people say to each other: told once, as its other history is."""

import pytest

from chat.models import Alarm, Announcement, Attachment, CannedReply, Conversation, Message
from drivers.models import Driver
from fleets.models import Depot
from voltop.demo.city import talk

pytestmark = pytest.mark.django_db


class InProcess:
    """The demo's client, answered in this process."""

    def __init__(self, client):
        self.client = client

    def _answer(self, answer):
        assert answer.status_code < 300, answer.json()
        return answer.json()

    def get(self, path):
        return self._answer(self.client.get(f"/api/v1/{path}"))

    def each(self, path):
        return iter(self.get(path)["results"])

    def post(self, path, body):
        return self._answer(self.client.post(f"/api/v1/{path}", body, format="json"))


def told(cast, api):
    driver, support, dispatcher, owner = (
        InProcess(api(user))
        for user in (cast.driver.user, cast.support, cast.dispatcher, cast.owner)
    )
    talk.talk(driver, support)
    talk.furnish_desk(support, dispatcher)
    talk.open_desk(owner)


def counts():
    models = (Alarm, Announcement, Attachment, CannedReply, Conversation, Message)
    return {model.__name__: model.objects.unscoped().count() for model in models}


def test_the_talk_of_the_demo_is_there_and_is_told_once(cast, api):
    Driver.objects.filter(pk=cast.driver.pk).update(
        depot=Depot.objects.for_provider(cast.a.pk).first()
    )
    told(cast, api)
    states = dict(Conversation.objects.for_provider(cast.a.pk).values_list("topic", "status"))
    assert states == {"documents": "resolved", "vehicle": "pending", "accident": "resolved"}
    assert Alarm.objects.for_provider(cast.a.pk).get().status == "acknowledged"
    first = counts()
    assert first == {
        "Alarm": 1,
        "Announcement": 1,
        "Attachment": 1,
        "CannedReply": len(talk.CANNED),
        "Conversation": 3,
        "Message": 7,
    }
    told(cast, api)
    assert counts() == first
