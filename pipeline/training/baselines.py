"""What any model has to beat: keyword rules, and a linear model over words."""

from collections.abc import Mapping, Sequence

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import FeatureUnion, make_pipeline

from pipeline.corpus.keywords import by_keywords
from pipeline.training.decision import best_threshold
from pipeline.training.evaluation import Predictions
from pipeline.training.metrics import Floats, Truth


def keyword_rules(texts: Sequence[str], labels: Sequence[str]) -> Truth:
    """Label by cue words. A label without cue words is never given. Shape ``(sentences, labels)``."""
    return np.array([[label in found for label in labels] for found in map(by_keywords, texts)], dtype=np.int8)


def tfidf_predictions(texts: Mapping[str, Sequence[str]], truth: Mapping[str, Truth], seed: int) -> Predictions:
    """Fit the linear model on train, choose its thresholds on validation, as netral's are, and predict test.

    Args:
        texts, truth: by split: sentences, and their labels, shape ``(sentences, labels)``.
    """
    validation, test = tfidf_probabilities(
        texts["train"], truth["train"], texts["validation"], texts["test"], seed=seed
    )
    columns = range(validation.shape[1])
    thresholds = [best_threshold(validation[:, column], truth["validation"][:, column], seed) for column in columns]
    return Predictions.at(thresholds, test)


def tfidf_probabilities(train_texts: Sequence[str], train: Truth, *others: Sequence[str], seed: int) -> list[Floats]:
    """Fit logistic regression on TF-IDF of words, word pairs and characters; return probabilities for each of ``others``."""
    features = FeatureUnion(
        [
            ("words", TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2)),
            ("characters", TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True, min_df=2)),
        ]
    )
    model = make_pipeline(
        features,
        OneVsRestClassifier(LogisticRegression(C=10, class_weight="balanced", max_iter=1000, random_state=seed)),
    )
    model.fit(list(train_texts), train)
    return [np.asarray(model.predict_proba(list(texts)), dtype=np.float64) for texts in others]
