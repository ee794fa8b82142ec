"""The effects of chat's tasks."""

from datetime import timedelta

from chat import services
from chat.models import SlaPolicy
from chat.tests.world import conversation
from fleets.models import Notice
from voltop import clock
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


EFFECTS = [Effect("chat.run_timers", late, called, 1)]
