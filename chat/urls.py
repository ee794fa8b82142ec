"""API addresses of chat, below /api/v1/."""

from chat.views import alarms, conversations, desk
from voltop.api.routers import Router

ONE = r"(?P<conversation_pk>[0-9]{1,18})"
OWN = "me/conversations"

router = Router()
router.register("conversations", conversations.ConversationView, basename="conversations")
router.register(f"conversations/{ONE}/messages", conversations.MessageView, basename="messages")
router.register(f"conversations/{ONE}/notes", conversations.NoteView, basename="notes")
router.register("alarms", alarms.AlarmView, basename="alarms")
router.register("on-call", alarms.OnCallView, basename="on-call")
router.register("sla-policies", desk.SlaPolicyView, basename="sla-policies")
router.register(OWN, conversations.OwnConversationView, basename="me-conversations")
router.register(
    f"me/conversations/{ONE}/messages", conversations.OwnMessageView, basename="me-messages"
)
router.register("me/sos", alarms.OwnSosView, basename="me-sos")

urlpatterns = router.urls
