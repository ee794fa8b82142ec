"""Rules of sockets that somebody can break. One with a close code ends the socket."""

from typing import ClassVar

from django.utils.translation import gettext_lazy as _

from voltop.errors import DomainError


class SocketError(DomainError):
    """Base of errors of sockets; `close_code` (RFC 6455 section 7.4): told, then closed with it."""

    close_code: ClassVar[int | None] = None


class TicketInvalid(SocketError):
    """Never given, used before, too old: all alike."""

    code = "ticket_invalid"
    status = 401
    close_code = 4401
    message = _("This ticket opens nothing: ask for a new one.")


class AccessEnded(SocketError):
    """Logged out, disabled, no longer at the company, or not allowed to any more: all alike."""

    code = "access_ended"
    status = 401
    close_code = 4401
    message = _("You are no longer logged in here.")


class TicketExpected(SocketError):
    code = "ticket_expected"
    status = 400
    close_code = 4400
    message = _("The first message of a socket brings its ticket.")


class TicketLate(SocketError):
    """`extra.limit_s` is the time within which the first message has to come."""

    code = "ticket_late"
    status = 408
    close_code = 4408
    message = _("The ticket did not come in time.")


class SocketIdle(SocketError):
    """`extra.limit_s`; a ping counts."""

    code = "socket_idle"
    status = 408
    close_code = 4408
    message = _("Nothing was heard for too long.")


class FrameTooLarge(SocketError):
    """`extra.limit_bytes`."""

    code = "frame_too_large"
    status = 413
    close_code = 1009
    message = _("This message is larger than a socket takes.")


class FrameNotText(SocketError):
    code = "frame_not_text"
    status = 400
    message = _("Messages of sockets are JSON objects in text frames.")


class UnknownFrame(SocketError):
    """`extra.known` are the types that there are."""

    code = "unknown_frame"
    status = 400
    message = _("There is no message of this type.")


class TooManyBadFrames(SocketError):
    code = "too_many_bad_frames"
    status = 400
    close_code = 4400
    message = _("Too many messages that could not be read.")


class TooManyFrames(SocketError):
    """Not done: send it again after `extra.wait_s`."""

    code = "too_many_frames"
    status = 429
    message = _("Too many messages: wait a moment and send this one again.")


class Flooding(SocketError):
    code = "socket_flooding"
    status = 429
    close_code = 4429
    message = _("Messages went on coming although too many had come.")


class SocketReplaced(SocketError):
    """`extra.limit`."""

    code = "socket_replaced"
    status = 409
    close_code = 4409
    message = _("You have opened more sockets elsewhere: the oldest one ends.")


class SlowReader(SocketError):
    """What was missed is had by following again, after the last number."""

    code = "slow_reader"
    status = 408
    close_code = 4413
    message = _("What was sent was not read in time.")


class TooManySockets(SocketError):
    code = "too_many_sockets"
    status = 503
    close_code = 1013
    message = _("Too many sockets are open here: try again in a moment.")


class AccessUnknown(SocketError):
    code = "access_unknown"
    status = 503
    close_code = 1013
    message = _("Who you are could not be looked up for a while: try again in a moment.")


class ForeignOrigin(SocketError):
    """Answered to the handshake: there is no socket then."""

    code = "foreign_origin"
    status = 403
    message = _("Pages of other sites open no sockets here.")
