"""What can be wrong with a file that somebody hands in."""

from django.utils.translation import gettext_lazy as _

from voltop.crypto import KeyDestroyed
from voltop.errors import DomainError


class FileTooLarge(DomainError):
    code = "file_too_large"
    status = 413
    message = _("The file is too large.")


class EmptyFile(DomainError):
    code = "empty_file"
    status = 400
    message = _("The file is empty.")


class UnsupportedFile(DomainError):
    """Recognised by what stands in it, not by its name."""

    code = "unsupported_file"
    status = 415
    message = _("Hand in a photo (JPEG, PNG or WebP) or a PDF.")


class UnreadableFile(DomainError):
    code = "unreadable_file"
    status = 400
    message = _("The file is damaged or incomplete: take or save it again.")


class ImageTooLarge(DomainError):
    """`extra` tells how many pixels are taken."""

    code = "image_too_large"
    status = 413
    message = _("The picture has too many pixels: take it with a lower resolution.")


class AnimatedImage(DomainError):
    code = "animated_image"
    status = 400
    message = _("The picture moves: hand in a still one.")


class ActivePdf(DomainError):
    """`extra.reason` tells what was found: javascript, launch, embeddedfile, encrypted, …"""

    code = "active_pdf"
    status = 400
    message = _("The PDF is locked, or holds more than pages: print it to a PDF anew.")


class FilesBusy(DomainError):
    code = "files_busy"
    status = 503
    message = _("Other files are being looked through: try again in a moment.")


OF_A_FILE = (
    ActivePdf,
    AnimatedImage,
    EmptyFile,
    FilesBusy,
    FileTooLarge,
    ImageTooLarge,
    UnreadableFile,
    UnsupportedFile,
)
"""What `voltop.files.prepare` raises."""


class FileGone(DomainError):
    """Deleted, after the backup was made that this database was restored from."""

    code = "file_gone"
    status = 410
    message = _("This file was deleted.")


class FilesUnavailable(DomainError):
    """The store does not answer, or cannot read what it has: what is in it is not lost by that."""

    code = "files_unavailable"
    status = 503
    message = _("The store of files cannot be reached right now: try again.")


OF_READING = (FileGone, FilesUnavailable, KeyDestroyed)
"""What `voltop.files.read` and `voltop.files.download` raise."""
