"""The four languages: every error and notice has words in each, and they are the ones shown."""

import string

import pytest
from django.conf import settings
from django.utils import translation

from voltop import texts
from voltop.notices import all_kinds
from voltop.tests import house

LETTERS = set(string.ascii_letters)


def english() -> dict[str, str]:
    """Every text that must stand in the catalogues: where from, the words."""
    found = {f"error {code}": str(error.message) for code, error in house.error_classes().items()}
    for kind in all_kinds().values():
        found[f"{kind.name} subject"] = str(kind.subject)
        found[f"{kind.name} text"] = str(kind.text)
    return found


def test_the_catalogues_are_of_the_languages_of_the_house():
    assert {"en", *texts.LANGUAGES} == {code for code, _name in settings.LANGUAGES}


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_every_error_and_notice_has_its_words(language):
    known = texts.read(language)
    lacking = sorted({words for words in english().values() if not known.get(words)})
    assert not lacking, f"add to voltop/locale/{language}, then make texts:\n" + "\n".join(lacking)


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_the_same_is_filled_in_in_every_language(language):
    for words, translated in texts.read(language).items():
        if words:
            assert texts.placeholders(translated) == texts.placeholders(words), words
            assert translated[-1:] == words[-1:] or words[-1] in LETTERS, words


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_what_is_shown_is_what_the_catalogue_says(language):
    assert texts.is_compiled(language), "make texts"
    known = texts.read(language)
    with translation.override(language):
        for error in house.error_classes().values():
            with translation.override("en"):
                words = str(error.message)
            assert str(error.message) == known[words]


def test_a_catalogue_that_cannot_be_read_is_refused():
    for broken in ('msgstr "a"', 'msgid "a"\nmsgstr b', 'msgid_plural "a"'):
        with pytest.raises(texts.BadCatalogue):
            texts.parse(broken)
    twice = 'msgid "a"\nmsgstr "b"\n\nmsgid "a"\nmsgstr "c"\n'
    with pytest.raises(texts.BadCatalogue):
        texts.parse(twice)
    assert texts.parse('# A\nmsgid "a"\n"b"\nmsgstr "c\\n"\n"\\"d"') == {"ab": 'c\n"d'}
