import pytest

from pipeline.corpus.diversity import lexical_diversity


def test_words_that_never_repeat_are_as_diverse_as_can_be():
    assert lexical_diversity([str(number) for number in range(1000)]) == 1


def test_one_word_over_and_over_is_as_little_diverse_as_can_be():
    assert lexical_diversity(["netral"] * 1000) == pytest.approx(1 / 500)


def test_it_does_not_fall_with_the_length_of_the_text():
    words = [str(number % 250) for number in range(500)]
    assert lexical_diversity(words) == lexical_diversity(words * 9) == 0.5


def test_windows_are_averaged():
    assert lexical_diversity([*"abcde", *"eeeee"], window=5) == pytest.approx((1 + 0.8 + 0.6 + 0.4 + 0.2 + 0.2) / 6)


def test_short_text_is_one_window():
    assert lexical_diversity(["a", "b", "a", "a"]) == 0.5
