"""Query parameters of chat's lists."""

from chat.models import AlarmCause, AlarmStatus, ConversationStatus, Priority, Topic
from voltop.api.filters import (
    BooleanFilter,
    ChoiceFilter,
    FilterSet,
    IdFilter,
    IntegerFilter,
    TextFilter,
)


class ConversationFilter(FilterSet):
    status = ChoiceFilter(choices=ConversationStatus)
    topic = ChoiceFilter(choices=Topic)
    priority = ChoiceFilter(choices=Priority)
    driver = IdFilter("driver_id")
    assignee = IdFilter("assignee_id")
    about_type = TextFilter()
    about_id = IdFilter()
    assigned = BooleanFilter("assignee", "isnull", exclude=True)
    late = BooleanFilter("escalated_at", "isnull", exclude=True)


class OwnConversationFilter(FilterSet):
    status = ChoiceFilter(choices=ConversationStatus)
    topic = ChoiceFilter(choices=Topic)


class MessageFilter(FilterSet):
    after = IntegerFilter("seq", "gt")


class AlarmFilter(FilterSet):
    status = ChoiceFilter(choices=AlarmStatus)
    cause = ChoiceFilter(choices=AlarmCause)
    conversation = IdFilter("conversation_id")


class OnCallFilter(FilterSet):
    ended = BooleanFilter("ended_at", "isnull", exclude=True)
