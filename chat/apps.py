"""App configuration of chat."""

from django.apps import AppConfig


class ChatConfig(AppConfig):
    name = "chat"
    verbose_name = "Chat"

    def ready(self) -> None:
        from chat import home, notices, offline, roles, sockets, today
        from chat.services import announcements
        from voltop import registry

        registry.register(registry.ROLE_PERMISSIONS, "chat", roles.of_chat)
        registry.register(registry.WHILE_SUSPENDED, "chat", roles.while_suspended)
        registry.register(registry.API_SCOPES, "chat", roles.scopes_of_chat)
        registry.register(registry.NOTICE_KINDS, "chat", notices.kinds)
        registry.register(registry.SOCKETS, "chat", sockets.kind)
        registry.register(registry.WORK, "chat", home.work)
        registry.register(registry.OFFLINE_KINDS, "chat", offline.kinds)
        registry.register(registry.TODAY, "chat", today.parts)
        registry.register(
            registry.CONVERSATION_SUBJECTS, announcements.ABOUT, announcements.subject
        )
