"""API addresses of chat, below /api/v1/."""

from chat import views
from voltop.api.routers import Router

ONE = r"(?P<conversation_pk>[0-9]{1,18})"

router = Router()
router.register("conversations", views.ConversationView, basename="conversations")
router.register(f"conversations/{ONE}/messages", views.MessageView, basename="messages")
router.register(f"conversations/{ONE}/notes", views.NoteView, basename="notes")
router.register("sla-policies", views.SlaPolicyView, basename="sla-policies")
router.register("me/conversations", views.OwnConversationView, basename="me-conversations")
router.register(f"me/conversations/{ONE}/messages", views.OwnMessageView, basename="me-messages")

urlpatterns = router.urls
