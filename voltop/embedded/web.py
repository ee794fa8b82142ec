"""The demo's web server: HTTP and, later, sockets on one port that the supervisor has opened.

`python -m voltop.embedded.web --fd N`. Production serves with granian (Dockerfile, compose.yaml).
"""

import argparse
import socket

import uvicorn

MAX_HEAD_BYTES = 65_536  # of a head that is still arriving; a whole one: voltop.api.bounds


def main() -> None:
    """Serve voltop.asgi on the inherited listening socket until SIGTERM."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--fd", type=int, required=True)
    listener = socket.socket(fileno=parser.parse_args().fd)
    config = uvicorn.Config(
        "voltop.asgi:application",
        lifespan="off",
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_level="warning",
        http="h11",  # the other parser takes heads of any size
        h11_max_incomplete_event_size=MAX_HEAD_BYTES,
        timeout_graceful_shutdown=2,
    )
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
