"""The access matrix bites: faults put into the views turn its cells red."""

import json
from pathlib import Path

import pytest
import yaml

from voltop.tests import mutants

pytestmark = pytest.mark.django_db

MUTANTS = mutants.all_mutants()
HARMLESS = Path(__file__).with_name("mutants.yaml")
BUILD = Path(__file__).resolve().parent.parent.parent / "build"
OF_EACH_KIND = 4
KILLED_AT_LEAST = 880
IDLE_AT_MOST = 115
"""Kept by hand: raise the one and lower the other when the matrix has grown."""


def harmless() -> dict[str, str]:
    """Mutant -> why no caller can tell it; kept by hand."""
    return {
        name: reason
        for reason, names in (yaml.safe_load(HARMLESS.read_text()) or {}).items()
        for name in names
    }


@pytest.mark.sample
def test_some_faults_are_noticed(world):
    """A few of each kind in every run."""
    known = harmless()
    chosen = [mutant for mutant in MUTANTS if str(mutant) not in known]
    kinds = sorted({mutant.kind for mutant in chosen})
    by_kind = [[mutant for mutant in chosen if mutant.kind == kind] for kind in kinds]
    sample = [mutant for part in by_kind for mutant in part[:: len(part) // OF_EACH_KIND]]
    assert [str(m) for m in sample if mutants.fate(m, world) == "survived"] == []


def test_what_is_called_harmless_exists():
    assert sorted(harmless().keys() - {str(mutant) for mutant in MUTANTS}) == []


@pytest.mark.slow
def test_every_fault_is_noticed(world):
    known = harmless()
    fates = {str(mutant): mutants.fate(mutant, world) for mutant in MUTANTS}
    survived = {name for name, fate in fates.items() if fate == "survived"}
    idle = [name for name, fate in fates.items() if fate == "idle"]
    report = {
        "mutants": len(fates) - len(idle),
        "killed": len(fates) - len(idle) - len(survived),
        "survived": sorted(survived - known.keys()),
        "harmless": len(survived & known.keys()),
        "idle": len(idle),
    }
    BUILD.mkdir(exist_ok=True)
    (BUILD / "mutate.json").write_text(json.dumps(report) + "\n")
    assert report["survived"] == []
    assert report["killed"] >= KILLED_AT_LEAST
    assert len(idle) <= IDLE_AT_MOST
    assert known.keys() - survived == set(), "these are noticed now: take them out"
