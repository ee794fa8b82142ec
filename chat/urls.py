"""API addresses of chat, below /api/v1/."""

from django.urls import URLPattern, URLResolver, re_path

from chat.views import alarms, conversations, desk
from chat.views.transcripts import OwnTranscriptView, TranscriptView
from voltop.api.routers import Router

ONE = r"(?P<conversation_pk>[0-9]{1,18})"
OWN = "me/conversations"

router = Router()
router.register("conversations", conversations.ConversationView, basename="conversations")
router.register(f"conversations/{ONE}/messages", conversations.MessageView, basename="messages")
router.register(
    f"conversations/{ONE}/attachments", conversations.AttachmentView, basename="attachments"
)
router.register(f"conversations/{ONE}/notes", conversations.NoteView, basename="notes")
router.register("messages", desk.FoundMessageView, basename="message-search")
router.register("canned-replies", desk.CannedReplyView, basename="canned-replies")
router.register("announcements", desk.AnnouncementView, basename="announcements")
router.register("alarms", alarms.AlarmView, basename="alarms")
router.register("on-call", alarms.OnCallView, basename="on-call")
router.register("sla-policies", desk.SlaPolicyView, basename="sla-policies")
router.register(OWN, conversations.OwnConversationView, basename="me-conversations")
router.register(
    f"me/conversations/{ONE}/messages", conversations.OwnMessageView, basename="me-messages"
)
router.register(
    f"me/conversations/{ONE}/attachments",
    conversations.OwnAttachmentView,
    basename="me-attachments",
)
router.register("me/sos", alarms.OwnSosView, basename="me-sos")

urlpatterns: list[URLPattern | URLResolver] = [
    re_path(r"^conversations/of-driver/(?P<pk>[0-9]{1,19})/?$", TranscriptView.as_view()),
    re_path(r"^me/conversations/transcript/?$", OwnTranscriptView.as_view()),
    *router.urls,
]
