"""Query parameters of chat's lists."""

from typing import Any

from django.db.models import QuerySet

from chat.models import (
    AlarmCause,
    AlarmStatus,
    AuthorKind,
    ConversationStatus,
    Priority,
    Topic,
)
from voltop.api.filters import (
    BooleanFilter,
    ChoiceFilter,
    FilterSet,
    IdFilter,
    IntegerFilter,
    TextFilter,
    search_words,
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


class SayingFilter(TextFilter):
    """All of these words, "a phrase", or, -not; in any case, without accents.

    Bounded like every search: SearchTooLong, Blank.
    """

    def parse(self, text: str) -> str:
        search_words(text)
        return super().parse(text)

    def filter(self, rows: QuerySet[Any], value: Any) -> QuerySet[Any]:
        if value is None:
            return rows
        found: QuerySet[Any] = rows.saying(value)  # type: ignore[attr-defined]
        return found


class AllMessagesFilter(FilterSet):
    search = SayingFilter()
    conversation = IdFilter("conversation_id")
    driver = IdFilter("conversation__driver_id")
    author_kind = ChoiceFilter(choices=AuthorKind)


class CannedReplyFilter(FilterSet):
    language = TextFilter()
    shortcut = TextFilter()
    retired = BooleanFilter("retired_at", "isnull", exclude=True)


class MessageFilter(FilterSet):
    after = IntegerFilter("seq", "gt")


class AlarmFilter(FilterSet):
    status = ChoiceFilter(choices=AlarmStatus)
    cause = ChoiceFilter(choices=AlarmCause)
    conversation = IdFilter("conversation_id")


class OnCallFilter(FilterSet):
    ended = BooleanFilter("ended_at", "isnull", exclude=True)
