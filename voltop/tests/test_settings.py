"""Settings come from the environment, and each is told to whoever runs Voltop."""

import re

from voltop.embedded.paths import CHECKOUT

READER = re.compile(r'env\.[a-z_]+\(\s*["\'](\w+)["\']|env\.ENVIRON')


def test_every_setting_from_the_environment_is_documented():
    source = (CHECKOUT / "voltop/settings/base.py").read_text()
    read = {match[1] for match in READER.finditer(source) if match[1]}
    assert len(read) > 15
    told = (CHECKOUT / "docs/operations.md").read_text()
    assert {name for name in read if f"`{name}`" not in told} == set()


def test_the_example_environment_names_real_settings():
    source = (CHECKOUT / "voltop/settings/base.py").read_text()
    compose = (CHECKOUT / "compose.yaml").read_text()
    example = (CHECKOUT / "deploy/example.env").read_text()
    names = re.findall(r"^([A-Z_]+)=", example, re.MULTILINE)
    assert "VOLTOP_MASTER_KEYS" in names
    for name in names:
        assert f'"{name}"' in source or f"${{{name}" in compose, name
