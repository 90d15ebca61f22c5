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
CODES = {name: code for code, name in (entry.split(maxsplit=1) for entry in _NAMES.split(","))}
LANGUAGES = frozenset(CODES.values())
"""ISO 639-1 codes of all languages that Whisper knows."""


def language_code(language: object) -> str | None:
    """Return the code of a language given by name or code (`english` -> `en`); None if unknown."""
    if not isinstance(language, str) or not language.strip():
        return None
    name = language.strip().lower()
    code = CODES.get(name, name)
    # The region or script suffix is not used: en-US, zh_Hans.
    base = re.split("[-_]", code, maxsplit=1)[0]
    return base if base in CODES.values() else code
