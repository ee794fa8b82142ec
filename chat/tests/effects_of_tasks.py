"""The effects of chat's tasks."""

from datetime import timedelta

from chat import services
from chat.models import Attachment, Conversation, Message, Page, SlaPolicy
from chat.tests.world import conversation
from fleets.models import Notice
from fleets.services import change_policy
from voltop import clock, files
from voltop.context import Actor
from voltop.tests.effects import Effect, Stage


def late(stage: Stage) -> list[int]:
    """A question that was to be answered within a minute, an hour ago."""
    cast = stage.cast
    if not SlaPolicy.objects.for_provider(cast.a.pk).exists():
        services.create_policy(
            cast.a, actor=cast.actor(), holidays_off=False, normal_first_min=1, warn_min=0
        )
    driver, at = cast.new_driver("Waiting"), clock.now() - timedelta(hours=1)
    stage.notes["late"] = conversation(driver, "Hello?", at=at).pk
    return []


def called(stage: Stage) -> int:
    told = Notice.objects.filter(kind="chat.answer_late", user=stage.cast.owner)
    return told.filter(about_id=stage.notes["late"]).count()


def calling(stage: Stage) -> list[int]:
    """A call for help that rang three minutes ago."""
    driver, at = stage.cast.new_driver("Calling"), clock.now() - timedelta(minutes=3)
    actor = Actor("user", driver.user_id, driver.provider_id)
    stage.notes["calling"] = services.call_for_help(driver, actor=actor, at=at).pk
    return []


def paged(stage: Stage) -> list[tuple[int, str]]:
    return list(Page.objects.filter(alarm=stage.notes["calling"]).values_list("number", "status"))


def to_many(stage: Stage) -> list[int]:
    """A message to the drivers of a depot of its own: two."""
    cast = stage.cast
    depot = cast.depot(cast.a, "Announced")
    for name in ("Annie", "Andy"):
        driver = cast.new_driver(name)
        type(driver).objects.filter(pk=driver.pk).update(depot=depot)
    written = services.announce(cast.a, actor=cast.actor(), body="Hello all", depot=depot)
    stage.notes["to_many"] = written.pk
    return []


def got_it(stage: Stage) -> list[tuple[str, str, int]]:
    key = stage.notes["to_many"]
    about = Conversation.objects.filter(about_type="chat.announcement", about_id=key)
    return list(about.order_by("pk").values_list("driver__given_name", "status", "last_seq"))


def long_settled(stage: Stage) -> list[int]:
    """Two questions of a year and a half ago, one of them settled, where a year is kept."""
    cast, at = stage.cast, clock.now() - timedelta(days=500)
    change_policy(cast.a, actor=cast.actor(), values={"conversation_retention_days": 365})
    talks = [conversation(cast.new_driver(name), f"From {name}", at=at) for name in ("Old", "Open")]
    services.resolve(talks[0], actor=cast.actor(), at=at)
    stage.notes["long_settled"] = [talk.pk for talk in talks]
    return []


def what_is_left(stage: Stage) -> list[str]:
    said = Message.objects.filter(conversation__in=stage.notes["long_settled"])
    return list(said.values_list("body", flat=True))


def never_sent(stage: Stage) -> list[int]:
    """Two files that were handed in and not sent, one of them a week ago."""
    driver = stage.cast.new_driver("Hesitant")
    talk, actor = conversation(driver, "Look"), Actor("user", driver.user_id, driver.provider_id)
    for name in ("old.jpg", "new.jpg"):
        made = services.hand_in_attachment(
            talk,
            actor=actor,
            author=services.Author.driver(driver.user_id),
            file=files.Prepared(b"a picture", "image/jpeg", name),
        )
        if name == "old.jpg":
            Attachment.objects.filter(pk=made.pk).update(created_at=clock.now() - timedelta(days=7))
    stage.notes["never_sent"] = talk.pk
    return []


def files_left(stage: Stage) -> list[str]:
    left = Attachment.objects.filter(conversation=stage.notes["never_sent"])
    return list(left.values_list("file__name", flat=True))


EFFECTS = [
    Effect("chat.forget_conversations", long_settled, what_is_left, ["From Open"]),
    Effect("chat.forget_unsent", never_sent, files_left, ["new.jpg"]),
    Effect("chat.run_timers", late, called, 1),
    Effect(
        "chat.send_announcements",
        to_many,
        got_it,
        [("Annie", "resolved", 1), ("Andy", "resolved", 1)],
    ),
    Effect("chat.page_due", calling, paged, [(1, "passed_on"), (2, "waiting")]),
]
