"""Rules of chat that somebody can break."""

from django.utils.translation import gettext_lazy as _

from voltop.errors import DomainError


class UnknownSubject(DomainError):
    code = "unknown_subject"
    status = 400
    message = _("There is nothing of this kind and number to talk about.")


class ConversationResolved(DomainError):
    """`extra.conversation` is the one to write to instead, if there is one."""

    code = "conversation_resolved"
    constraints = ("chat_conversation_one_unresolved",)
    message = _("This conversation was resolved too long ago: begin a new one.")


class MessageMismatch(DomainError):
    code = "message_mismatch"
    message = _("Another message was already sent with this client_id.")


class MessageEmpty(DomainError):
    code = "message_empty"
    status = 400
    constraints = ("chat_message_not_empty",)
    message = _("Say something, or send a file.")


class UnknownAttachment(DomainError):
    """Another's, of another conversation, or sent with a message before: all alike."""

    code = "unknown_attachment"
    status = 400
    message = _("You have handed in no such file in this conversation that was not sent yet.")


class ReadTooFar(DomainError):
    code = "read_too_far"
    status = 400
    message = _("There is no message with this number yet.")


class TooManyFollowed(DomainError):
    """`extra.limit`."""

    code = "too_many_followed"
    message = _("This socket follows as many conversations as it may: let one go first.")


class SlaPolicyExists(DomainError):
    code = "sla_policy_exists"
    message = _("The company has support rules already: change those.")


class PolicyWrong(DomainError):
    """`errors` names the field: hours that are never open, a notice that is not before the end."""

    code = "support_rule_wrong"
    status = 400
    constraints = ("chat_sla_policy_notice_first",)
    message = _("This support rule cannot be meant so.")


class AlreadyOnCall(DomainError):
    code = "already_on_call"
    constraints = ("chat_on_call_once",)
    message = _("This person is on call already.")


class CannedReplyExists(DomainError):
    code = "canned_reply_exists"
    constraints = ("chat_canned_reply_once",)
    message = _("There is a canned reply of this name in this language already.")


class UnknownVariable(DomainError):
    """`extra.known` are the variables that there are."""

    code = "unknown_variable"
    status = 400
    message = _("A canned reply has no such variable.")


class UnknownAudience(DomainError):
    """`extra.known` are the names that there are."""

    code = "unknown_audience"
    status = 400
    message = _("There is no such group of drivers.")


class NobodyToWriteTo(DomainError):
    code = "nobody_to_write_to"
    message = _("No driver is in this group now.")
