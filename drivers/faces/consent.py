"""What a driver agrees to before anything of their face is kept: the text, and its version.

Another text is another version, and who agreed to an older one is asked at the next enrolment.
"""

from django.utils.translation import gettext_lazy as _

VERSION = "2026-12"
OF_LOG_IN = frozenset({"2026-12"})
"""The texts that speak of log-in: who agreed to an earlier one is not asked for a face there."""
KEPT_DAYS_AFTER_LEAVING = 30
KEPT_DAYS_AFTER_ASKING = 30
TEXT = _(
    "Your company wants to recognise your face when you log in or before you start a shift, so "
    "that nobody else drives in your name. From photos that you take now, 128 numbers are computed "
    "and kept encrypted; the photos themselves are deleted at once. The numbers are compared with "
    "a new photo of you, with nobody else's, and are used for nothing else. They are deleted when "
    "you say so, 30 days after you leave, and 30 days after your company stops asking. You need "
    "not agree: your company can let you work without it."
)
