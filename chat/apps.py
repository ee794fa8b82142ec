"""App configuration of chat; fills the registry with what lower floors show of it."""

from django.apps import AppConfig


class ChatConfig(AppConfig):
    name = "chat"
    verbose_name = "Chat"
