"""Whisper's languages: the API returns English names, everything else uses ISO-639-1."""

from __future__ import annotations

import re

_NAMES = """
af afrikaans, am amharic, ar arabic, as assamese, az azerbaijani, ba bashkir, be belarusian, bg bulgarian,
bn bengali, bo tibetan, br breton, bs bosnian, ca catalan, cs czech, cy welsh, da danish, de german, el
greek, en english, es spanish, et estonian, eu basque, fa persian, fi finnish, fo faroese, fr french, gl
galician, gu gujarati, ha hausa, haw hawaiian, he hebrew, hi hindi, hr croatian, ht haitian creole, hu
hungarian, hy armenian, id indonesian, is icelandic, it italian, ja japanese, jw javanese, ka georgian, kk
kazakh, km khmer, kn kannada, ko korean, la latin, lb luxembourgish, ln lingala, lo lao, lt lithuanian, lv
latvian, mg malagasy, mi maori, mk macedonian, ml malayalam, mn mongolian, mr marathi, ms malay, mt maltese,
my myanmar, ne nepali, nl dutch, nn nynorsk, no norwegian, oc occitan, pa punjabi, pl polish, ps pashto, pt
portuguese, ro romanian, ru russian, sa sanskrit, sd sindhi, si sinhala, sk slovak, sl slovenian, sn shona,
so somali, sq albanian, sr serbian, su sundanese, sv swedish, sw swahili, ta tamil, te telugu, tg tajik, th
thai, tk turkmen, tl tagalog, tr turkish, tt tatar, uk ukrainian, ur urdu, uz uzbek, vi vietnamese, yi
yiddish, yo yoruba, yue cantonese, zh chinese
"""
_ALIASES = """
ca valencian, es castilian, fa farsi, ht haitian, lb letzeburgesch, my burmese, nl flemish, no bokmal,
pa panjabi, ps pushto, ro moldavian, ro moldovan, si sinhalese, tl filipino, zh mandarin, ar ara, cs
ces, cs cze, da dan, de deu, de ger, el ell, el gre, en eng, es spa, fi fin, fr fra, fr fre, he heb, hi
hin, hu hun, id ind, it ita, ja jpn, ko kor, nl dut, nl nld, no nob, no nor, pl pol, pt por, ro ron, ro
rum, ru rus, sv swe, th tha, tr tur, uk ukr, vi vie, zh chi, zh cmn, zh zho
"""
"""Other names, among them those that Whisper accepts, and three-letter codes of ISO 639-2."""


def _by_name(table: str) -> dict[str, str]:
    entries = (entry.split(maxsplit=1) for entry in table.strip().split(","))
    return {name: code for code, name in entries}


SURE = 0.8
"""A detected language less probable than this is not evidence: short or noisy speech."""
_ALIKE = (
    frozenset({"no", "nn", "da", "sv"}),
    frozenset({"hr", "sr", "bs", "sl"}),
    frozenset({"pt", "gl", "es"}),
    frozenset({"id", "ms", "jw", "su"}),
    frozenset({"ru", "uk", "be"}),
    frozenset({"hi", "ur", "pa"}),
    frozenset({"zh", "yue"}),
    frozenset({"cs", "sk"}),
    frozenset({"nl", "af"}),
)
"""Languages that Whisper confuses."""

CODES = _by_name(_NAMES)
LANGUAGES = frozenset(CODES.values())
"""ISO 639-1 codes of all languages that Whisper knows."""
_KNOWN = CODES | _by_name(_ALIASES)
_NOT_KNOWN = frozenset({"auto", "unknown", "und", "none", "null"})


def language_code(language: object) -> str | None:
    """Return the code of a language given by name or code (`english` -> `en`); None if unknown."""
    if not isinstance(language, str) or not language.strip():
        return None
    name = language.strip().lower()
    if name in _NOT_KNOWN:
        return None
    # The region or script suffix is not used: en-US, zh_Hans.
    base = re.split("[-_]", name, maxsplit=1)[0]
    code = _KNOWN.get(name) or _KNOWN.get(base, base)
    return code if code in LANGUAGES else name


def are_confusable(one: str, other: str) -> bool:
    """Return whether two languages, ISO 639-1, are the same or such that Whisper takes one for the other."""
    return one == other or any({one, other} <= group for group in _ALIKE)
