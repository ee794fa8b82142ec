"""What is looked for in every page of the admin."""

import re

INLINE = re.compile(
    rb"<script\b(?![^>]*\b(?:src=|type=.application/json))[^>]*>"
    rb"|(?<=\s)on[a-z]+=(?=[\"'])"
    rb"|[\"']\s*javascript:",
    re.IGNORECASE,
)


def inline_scripts(html: bytes) -> list[str]:
    """Scripts within the page itself: its policy forbids them, so they would not run."""
    return [found.decode() for found in INLINE.findall(html)]
