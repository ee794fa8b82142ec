"""Sockets: what is new reaches people without their asking; nothing is promised by them alone.

- `lines`: one connection as ASGI has it; bounds of size and time.
- `sockets`: a socket's life: the ticket, frames with their answers, news, the end.
- `hub`: what a process knows of its sockets: bells from Redis, the slow beat beside them, and
  whose access has ended.
- `broadcast`: the bell itself, rung after a commit.

A bell carries no news: it says which row to look at, and every process that has sockets looks into
PostgreSQL. Bells that are lost, with Redis or without, are made up for by the beat. An app's socket
is a subclass of `sockets.Socket`, registered under `registry.SOCKETS`; its address is /ws/v1/<key>.
Not here: who a ticket stands for (`settings.SOCKET_AUTHENTICATION`). docs/decisions/0020.
"""
