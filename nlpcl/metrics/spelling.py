"""Scores of Chinese spelling correction, every convention of the literature side by side.

For one sentence, ``G`` is the set of gold edits {(position, character)} that lead from source to
target and ``E`` the set of predicted edits that lead from source to prediction. *Detection*
compares positions, *correction* compares positions and characters.

Sentence level:

- ``strict`` (papers since FASPell): a hit is ``E == G`` with an erroneous sentence; precision is
  over all sentences that were changed.
- ``lenient`` (SIGHAN 14/15 tool, pycorrector): the same hits, but precision is over the hits plus
  the *error-free* sentences that were changed; a wrong change in an erroneous sentence costs only
  recall. Its precision is much higher on sets with few error-free sentences.
- ``lemon``: detection only; any change in an erroneous sentence is a hit.

Character level:

- ``simple`` (FASPell, CSCD-NS): edits over all sentences.
- ``spellgcn`` (SpellGCN, PLOME): erroneous sentences only; an untouched one counts as one false
  detection; correction precision is over correctly detected positions; ``joint`` is ``simple``
  correction on these sentences.
- ``pointernet`` (Confusionset-guided pointer network, pycorrector): correction only in sentences
  with a correctly detected position, and a gold character counts as found when it is written at
  any such position of the sentence.
- ``iiosnail``: as ``simple``, but a wrong replacement at an error position costs only recall.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from nlpcl.core.tables import Cell, Table
from nlpcl.metrics.counts import Score, percentage

Changes = dict[int, str]
"""Edits of one sentence: position -> new character."""

UNALIGNED: Changes = {-1: ""}
"""One edit nowhere: stands for whatever changed the length of a sentence."""

CONVENTIONS = {
    "strict": "detection correction",
    "lenient": "detection correction",
    "lemon": "detection",
    "simple": "char_detection char_correction",
    "spellgcn": "char_detection char_correction char_joint",
    "pointernet": "char_detection char_correction",
    "iiosnail": "char_detection char_correction",
}


@dataclass
class SpellingScores:
    """All conventions over one test set.

    Args:
        ignore_de: whether predicted edits into 地 or 得 were dropped (see ``spelling_scores``).
        scores: ``scores[convention][measure]``, e.g. ``scores["strict"]["correction"]``.
        n: sentences; n_erroneous: those whose target differs from the source.
        n_length_mismatch: sentences whose source, target and prediction differ in length.
        false_positives: error-free sentences that were changed.
        exact_detection, exact_correction: sentences with all positions (and characters) right.
    """

    ignore_de: bool = False
    scores: dict[str, dict[str, Score]] = field(
        default_factory=lambda: {
            name: {measure: Score() for measure in measures.split()}
            for name, measures in CONVENTIONS.items()
        }
    )
    n: int = 0
    n_erroneous: int = 0
    n_length_mismatch: int = 0
    false_positives: int = 0
    exact_detection: int = 0
    exact_correction: int = 0

    @property
    def n_clean(self) -> int:
        """Error-free sentences."""
        return self.n - self.n_erroneous

    @property
    def false_positive_rate(self) -> float:
        """Percentage of error-free sentences that were changed."""
        return percentage(self.false_positives, self.n_clean)

    @property
    def clean_intact(self) -> float:
        """Percentage of error-free sentences left as they were."""
        return percentage(self.n_clean - self.false_positives, self.n_clean)

    @property
    def accuracy_detection(self) -> float:
        """Percentage of all sentences whose changed positions are exactly the wrong ones."""
        return percentage(self.exact_detection, self.n)

    @property
    def accuracy_correction(self) -> float:
        """Percentage of all sentences that come out exactly as the target."""
        return percentage(self.exact_correction, self.n)

    def as_metrics(self) -> dict[str, float]:
        """Flat names, e.g. ``correction_f1_strict``; percentages 0-100 as papers print, and counts.

        With ``ignore_de`` every percentage carries the suffix ``_ignore_de``. Without a clean
        sentence nothing is said of them.
        """
        suffix = "_ignore_de" if self.ignore_de else ""
        values = {
            f"{measure}_{kind}_{convention}": getattr(score, kind)
            for convention, measures in self.scores.items()
            for measure, score in measures.items()
            for kind in ("precision", "recall", "f1")
        }
        rates = ["accuracy_detection", "accuracy_correction"]
        if self.n_clean:
            rates += ["false_positive_rate", "clean_intact"]
        values |= {name: getattr(self, name) for name in rates}
        named = {f"{name}{suffix}": value for name, value in values.items()}
        counts = ("n", "n_erroneous", "n_length_mismatch")
        return named | {name: float(getattr(self, name)) for name in counts}

    def tables(self, title: str = "") -> list[Table]:
        """Precision, recall and F1; then rates and counts. ``title`` heads the first table."""
        mark = " + ignore_de" if self.ignore_de else ""
        rows: list[list[Cell]] = [
            [convention + mark, measure, score.precision, score.recall, score.f1]
            for convention, measures in self.scores.items()
            for measure, score in measures.items()
        ]
        note = "Percent. strict: precision over all changed sentences. lenient (SIGHAN tool): wrong"
        note += " changes in erroneous sentences cost recall only. char_*: characters."
        if self.ignore_de:
            note += " ignore_de: predicted edits into 地 or 得 are dropped before scoring."
        clean = self.n_clean > 0
        rates: list[list[Cell]] = [
            ["false positive rate (%)" + mark, self.false_positive_rate if clean else None],
            ["error-free sentences left intact (%)" + mark, self.clean_intact if clean else None],
            ["detection accuracy (%)" + mark, self.accuracy_detection],
            ["correction accuracy (%)" + mark, self.accuracy_correction],
            ["sentences", self.n],
            ["erroneous sentences", self.n_erroneous],
            ["unequal length, counted wrong", self.n_length_mismatch],
        ]
        heading = f"{title} (n={self.n})" if title else f"n={self.n}"
        columns = ["convention", "measure", "precision", "recall", "F1"]
        return [
            Table("spelling_scores", columns, rows, title=heading, note=note),
            Table("spelling_rates", ["measure", "value"], rates, title="Sentences"),
        ]


def changes(before: str, after: str) -> Changes:
    """The single-character edits from ``before`` to ``after``; ``UNALIGNED`` if lengths differ."""
    if before == after:
        return {}
    if len(before) != len(after):
        return UNALIGNED
    pairs = enumerate(zip(before, after, strict=True))
    return {position: new for position, (old, new) in pairs if old != new}


def aligned_changes(
    sources: Sequence[str],
    targets: Sequence[str],
    predictions: Sequence[str],
    *,
    ignore_de: bool,
) -> Iterator[tuple[Changes, Changes, bool]]:
    """Gold edits, predicted edits and whether the three lengths are equal, sentence by sentence.

    Raises:
        ValueError: when the three sequences differ in length.
    """
    for source, target, prediction in zip(sources, targets, predictions, strict=True):
        gold, predicted = changes(source, target), changes(source, prediction)
        if ignore_de:
            predicted = {place: new for place, new in predicted.items() if new not in ("地", "得")}
        yield gold, predicted, len(source) == len(target) == len(prediction)


def spelling_scores(
    sources: Sequence[str],
    targets: Sequence[str],
    predictions: Sequence[str],
    *,
    ignore_de: bool = False,
) -> SpellingScores:
    """Score predictions under every convention (see the module docstring).

    Sentences with an error are those whose target differs from the source; label files are not
    used, since some list edits that change nothing. A sentence whose prediction or target is not
    as long as its source is never a hit: what changed its length counts as one wrong edit, so it
    is in the precision whenever the prediction differs from the source.

    Args:
        sources: sentences as written, compared code point by code point.
        targets: the same sentences without errors.
        predictions: the same sentences as a corrector returns them.
        ignore_de: drop every predicted edit whose new character is 地 or 得, whatever the source
            (ReaLiSe does so on SIGHAN13 only); the gold edits stay.

    Raises:
        ValueError: when the three sequences differ in length.
    """
    result = SpellingScores(ignore_de=ignore_de)
    for gold, predicted, same_length in aligned_changes(
        sources, targets, predictions, ignore_de=ignore_de
    ):
        result.n += 1
        result.n_erroneous += bool(gold)
        result.n_length_mismatch += not same_length
        detected = same_length and gold.keys() == predicted.keys()
        corrected = same_length and gold == predicted
        result.exact_detection += detected
        result.exact_correction += corrected
        result.false_positives += not gold and bool(predicted)
        count_sentence(result.scores, gold, predicted, detected, corrected, same_length)
        count_characters(result.scores, gold, predicted, same_length)
    return result


def count_sentence(
    scores: dict[str, dict[str, Score]],
    gold: Changes,
    predicted: Changes,
    detected: bool,
    corrected: bool,
    same_length: bool,
) -> None:
    """Add one sentence to the sentence-level conventions."""
    erroneous, changed = bool(gold), bool(predicted)
    for measure, exact in (("detection", detected), ("correction", corrected)):
        hit = erroneous and exact
        scores["strict"][measure].add(hit, changed, erroneous)
        scores["lenient"][measure].add(hit, hit or (changed and not erroneous), erroneous)
    touched = erroneous and changed and same_length
    scores["lemon"]["detection"].add(touched, changed, erroneous)


def count_characters(
    scores: dict[str, dict[str, Score]], gold: Changes, predicted: Changes, same_length: bool
) -> None:
    """Add one sentence to the character-level conventions."""
    common: set[int] = gold.keys() & predicted.keys() if same_length else set()
    right = sum(gold[position] == predicted[position] for position in common)
    found, proposed, wanted = len(common), len(predicted), len(gold)
    for name in ("simple", "pointernet", "iiosnail"):
        scores[name]["char_detection"].add(found, proposed, wanted)
    scores["simple"]["char_correction"].add(right, proposed, wanted)
    scores["iiosnail"]["char_correction"].add(right, proposed - found + right, wanted)
    if gold:
        # Their label files write "0" for an untouched sentence, which is read as a position.
        scores["spellgcn"]["char_detection"].add(found, proposed or 1, wanted)
        scores["spellgcn"]["char_correction"].add(right, found, wanted)
        scores["spellgcn"]["char_joint"].add(right, proposed, wanted)
    if common:
        written = {predicted[position] for position in common}
        lost = sum(character not in written for character in gold.values())
        scores["pointernet"]["char_correction"].add(right, found, right + lost)
