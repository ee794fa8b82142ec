"""Clients that the usual generators make of docs/openapi.yaml."""

import importlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

from voltop.embedded.paths import CHECKOUT

DOCUMENT = CHECKOUT / "docs" / "openapi.yaml"
PACKAGE = "voltop_client"
OF_ANY_DOCUMENT = ("3.1 support is still in beta", "Failed to get the schema name: null")
"""What the generator warns of whatever it is given, a document of one schema too."""


def generate(generator: str, into: Path, **properties: str) -> str:
    """What the OpenAPI generator said while it made a client; the document is validated."""
    chosen = ",".join(f"{name}={value}" for name, value in properties.items())
    done = subprocess.run(
        [
            *(sys.executable, "-c", "import openapi_generator_cli as g; g.cli()", "generate"),
            *("-i", str(DOCUMENT), "-g", generator, "-o", str(into)),
            *("--additional-properties", chosen),
        ],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        env={**os.environ, "JAVA_OPTS": "-XX:+UseSerialGC"},
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said[-5000:]
    return said


def python_client(into: Path) -> tuple[ModuleType, str]:
    """The Python client as an importable package, and what the generator said."""
    said = generate("python", into, packageName=PACKAGE)
    sys.path.insert(0, str(into))
    try:
        return importlib.import_module(PACKAGE), said
    finally:
        sys.path.remove(str(into))


def forget() -> None:
    """No module of the generated package stays behind."""
    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[name]


def complaints(said: str) -> list[str]:
    """What it found odd in the document: warnings, errors, traces."""
    return [
        line
        for line in said.splitlines()
        if re.search(r"\b(WARN|ERROR)\b|Exception|deprecated", line)
        and "writing file" not in line
        and not any(words in line for words in OF_ANY_DOCUMENT)
    ]


def problem_of(error: Exception) -> dict:
    """The body of a refused call, as the client hands it out."""
    return json.loads(error.body)
