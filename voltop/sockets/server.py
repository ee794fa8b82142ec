"""The web server of sockets: uvicorn, told what a socket may be.

`python -m voltop.sockets.server --host 0.0.0.0 --port 8000` is production's `live` (compose.yaml);
the demo serves HTTP and sockets by the same on one port (`voltop.embedded.web`). A frame that is
too large is refused before it has arrived, a peer that is gone is noticed by pings, and SIGTERM
closes sockets with 1012.
"""

import argparse
import asyncio
from typing import Any

import uvicorn
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

FRAME_MAX_BYTES = 32_768  # of what arrives at all; what is taken: settings.SOCKET_FRAME_MAX_BYTES
MAX_HEAD_BYTES = 65_536  # of a head that is still arriving; a whole one: voltop.api.bounds
FLUSH_WITHIN_S = 5
PING_S = 20.0


class Protocol(WebSocketsSansIOProtocol):
    """uvicorn's own, but for two things that a hostile peer could have done with it."""

    def on_task_complete(self, task: "asyncio.Task[None]") -> None:
        """Who reads nothing does not keep the connection, and what was written for it, for ever."""
        super().on_task_complete(task)
        self.loop.call_later(FLUSH_WITHIN_S, self.transport.abort)

    def send_receive_event_to_app(self) -> None:
        """Text that is no UTF-8 is closed with 1007; uvicorn writes a traceback for each."""
        if self.curr_msg_data_type == "text":
            try:
                b"".join(self.frames).decode()
            except UnicodeDecodeError:
                self.conn.fail(1007)
                self.handle_parser_exception()
                return
        super().send_receive_event_to_app()


def config(**more: Any) -> uvicorn.Config:
    """How sockets are served, wherever they are."""
    return uvicorn.Config(
        "voltop.asgi:application",
        lifespan="off",
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_level="warning",
        http="h11",  # the other parser takes heads of any size
        h11_max_incomplete_event_size=MAX_HEAD_BYTES,
        ws=Protocol,
        ws_max_size=FRAME_MAX_BYTES,
        ws_ping_interval=PING_S,
        ws_ping_timeout=PING_S,
        ws_per_message_deflate=False,  # a third of a megabyte for each socket
        **more,
    )


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    told = parser.parse_args()
    options = config(host=told.host, port=told.port, timeout_graceful_shutdown=25)
    uvicorn.Server(options).run()


if __name__ == "__main__":
    main()
