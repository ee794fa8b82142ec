"""The demo's web server: HTTP and sockets on one port that the supervisor has opened.

`python -m voltop.embedded.web --fd N`. Production serves HTTP with granian and sockets with
`voltop.sockets.server` (Dockerfile, compose.yaml).
"""

import argparse
import socket

import uvicorn

from voltop.sockets.server import config


def main() -> None:
    """Serve voltop.asgi on the inherited listening socket until SIGTERM."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--fd", type=int, required=True)
    listener = socket.socket(fileno=parser.parse_args().fd)
    uvicorn.Server(config(timeout_graceful_shutdown=2)).run(sockets=[listener])


if __name__ == "__main__":
    main()
