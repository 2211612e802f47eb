"""Words are explained once, as words, whatever stands around them."""

import pytest

from nnreg.comparison.report.glossary import TERMS, Glossary


def test_a_word_leads_to_its_meaning_where_it_is_first_used():
    words = Glossary()
    assert words.explained("two arms") == 'two <a class="term" href="#term-arm" aria-describedby="term-arm">arms</a>'
    assert words.explained("another arm") == "another arm"
    assert [key for key, _ in words.used] == ["arm"]


@pytest.mark.parametrize("text", ["harm", "armed", "seedling", "uninformed"])
def test_parts_of_words_are_none(text):
    assert Glossary().explained(text) == text


def test_names_are_escaped():
    assert Glossary().explained("<b> & arm's").startswith("&lt;b&gt; &amp; <a ")


@pytest.mark.parametrize("key", TERMS)
def test_each_word_has_a_meaning_in_sentences(key):
    term = TERMS[key]
    assert term.meaning.endswith(".")
    assert not term.meaning.startswith(term.name), "the plain word first"
