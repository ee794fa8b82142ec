"""The API of chat: support's side, and a driver's own side below `me/`."""
