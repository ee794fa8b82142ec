"""What a driver agrees to before anything of their face is kept: the text, and its version.

Another text is another version, and who agreed to an older one is asked at the next enrolment.
"""

from django.utils.translation import gettext_lazy as _

VERSION = "2026-11"
KEPT_DAYS_AFTER_LEAVING = 30
TEXT = _(
    "Your company wants to recognise your face before you start a shift, so that nobody else "
    "drives in your name. From photos that you take now, 128 numbers are computed and kept "
    "encrypted; the photos themselves are deleted at once. The numbers are compared with a new "
    "photo of you, with nobody else's, and are used for nothing else. They are deleted when you "
    "say so, and 30 days after you leave. You need not agree: your company can let you start "
    "without it."
)
