"""Ten messages at once: one conversation, no number missing, none twice."""

import pytest

from chat import services
from chat.models import Conversation, Message
from chat.tests.test_conversations import ask, driver_actor
from voltop.tests.cast import Cast
from voltop.tests.parallel import at_once


@pytest.mark.django_db(transaction=True)
def test_ten_first_messages_at_once_make_one_conversation_in_order():
    driver = Cast().driver
    found = at_once([lambda n=n: ask(driver, f"message {n}") for n in range(10)])
    assert len({conversation.pk for conversation in found}) == 1
    assert Conversation.objects.count() == 1
    assert list(Message.objects.values_list("seq", flat=True)) == list(range(1, 11))
    assert Message.objects.values("body").distinct().count() == 10


@pytest.mark.django_db(transaction=True)
def test_one_message_sent_ten_times_at_once_is_stored_once():
    driver = Cast().driver
    conversation = ask(driver)

    def send() -> int:
        return services.post_message(
            conversation,
            actor=driver_actor(driver),
            author=services.Author.driver(driver.user_id),
            body="hello",
            client_id="c-1",
        ).seq

    assert set(at_once([send] * 10)) == {2}
    assert Message.objects.count() == 2
