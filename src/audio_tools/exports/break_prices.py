"""
The cost, for a reader, of ending a line or a cue between two words; `cues` chooses the cheapest.

The order is that of the usual guides for subtitles (Netflix, Timed Text Style Guide: English, "Line
Treatment"): best after a sentence, then after a clause, then before a conjunction or a preposition; not
between a first and a last name, a number and what it counts, an article and its noun.
"""

from __future__ import annotations

from audio_tools.words.script import CLOSING_QUOTES, SENTENCE_MARKS, TITLES, ends_sentence

AFTER_SENTENCE = 0.0
AFTER_CLAUSE = 1.5
BEFORE_CONJUNCTION = 2.5
BEFORE_PREPOSITION = 4.0
PLAIN = 7.0
IN_NAME = 9.0
AFTER_BINDER = 11.0
BEFORE_MARK = 30.0

_CLAUSE_MARKS = (*",;:!?—–…、，；：،؛", "...")
_LONE_MARKS = "".join(SENTENCE_MARKS) + ",;:、，；：،؛)]}」』）】》〉"
_OPENING_BRACKETS = tuple("([{「『（【《〈")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# English, German, French and Spanish in one set, for a cue does not know its language; words that are
# common with another meaning in one of the four ("car", "die", "son") are left out. Other languages break at
# punctuation and pauses alone.
_CONJUNCTIONS = _words(
    """
    after although and as because before but if nor or since so than that then though unless until when where
    whereas which while who whose
    aber als bis dass denn oder sondern und während weil wenn wie wo
    comme donc dont et lorsque mais ou où parce puisque quand que qui
    aunque cuando donde ni pero porque que si sino y
    """
)
_PREPOSITIONS = _words(
    """
    about against among at behind between by during for from in into like of on onto over through to toward
    towards under upon with within without
    auf aus bei beim durch für gegen im ins mit nach ohne über um unter vom von vor zu zum zur zwischen
    avec chez dans depuis par pendant pour sans sous sur vers à
    con desde en entre hacia hasta para por según sin sobre
    """
)
# Articles, possessives, subject pronouns, auxiliaries, negations: they lean on the word that follows.
_LEANERS = _words(
    """
    a an the my your his our their its this these those every each no not very i he she we they i'm i've i'll
    he's she's we're they're is are was were be been am has have had will would can could should must do does
    did don't doesn't didn't
    das dem den der des ein eine einem einen einer eines kein keine mein meine ich wir er nicht sehr
    au aux ce ces cette d'un d'une de du je la le les leur ma mes mon nous sa ses ta tu un une
    al del el ella las los mi mis su sus una uno unos unas yo
    """
)
_BINDERS = _CONJUNCTIONS | _PREPOSITIONS | _LEANERS | TITLES


def break_price(left: str, right: str) -> float:
    """Return the cost of ending a line or a cue between two words, from `AFTER_SENTENCE` to `BEFORE_MARK`."""
    if not right.strip(_LONE_MARKS) or left.endswith(_OPENING_BRACKETS):
        return BEFORE_MARK
    if ends_sentence(left, right):
        return AFTER_SENTENCE
    core = left.rstrip(CLOSING_QUOTES)
    if core.endswith(_CLAUSE_MARKS) or core == "-":
        return AFTER_CLAUSE
    return _price_without_marks(core, right)


def _price_without_marks(left: str, right: str) -> float:
    if left.casefold() in _BINDERS:
        return AFTER_BINDER
    follower = right.rstrip(",").casefold()
    if follower in _CONJUNCTIONS:
        return BEFORE_CONJUNCTION
    if follower in _PREPOSITIONS:
        return BEFORE_PREPOSITION
    in_name = left[:1].isupper() and right[:1].isupper()
    return IN_NAME if in_name or left[-1:].isdecimal() else PLAIN
