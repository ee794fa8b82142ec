"""Where private files go: a folder that only its owner may enter, or an S3-compatible store."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

STATIC = "django.contrib.staticfiles.storage.StaticFilesStorage"


def storages(url: str, home: Path) -> dict[str, dict[str, Any]]:
    """Django's STORAGES. Without a url: `files` in the instance's folder.

    `s3://bucket/prefix?region_name=…&endpoint_url=https://…`: the query is django-storages' own
    options; credentials are found as boto3 finds them (AWS_ACCESS_KEY_ID, an instance's role).
    """
    folder = {"location": str(home / "files"), "base_url": None}
    modes = {"file_permissions_mode": 0o600, "directory_permissions_mode": 0o700}
    in_folder = {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": folder | modes,
    }
    private = in_folder if not url else _s3(url)
    return {"default": in_folder, "private": private, "staticfiles": {"BACKEND": STATIC}}


def _s3(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    if parts.scheme != "s3" or not parts.hostname:
        raise ValueError("VOLTOP_FILES_URL: s3://bucket/prefix?option=value")
    options = {
        "bucket_name": parts.netloc,
        "location": parts.path.strip("/"),
        "default_acl": None,
        "file_overwrite": False,
        **dict(parse_qsl(parts.query)),
    }
    return {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": options}
