"""The words in a merchant's name, and which of them decides its category.

Time grows with the name alone, whatever the number of words: at every place of the name, the words that may begin
there are looked up by their lengths.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from jobs.landing.formats.patterns import compiled
from schemas.spending.merchants import Merchants, MerchantWord, read_as

BRACKETS = compiled(r"\(([^()]*)(?:\)|$)|\[([^\[\]]*)(?:\]|$)|【([^【】]*)(?:】|$)|<([^<>]*)(?:>|$)")
"""What stands in brackets, of which banks cut off the last."""
BRANCH = compiled(r"(.*[^-_·—|\s])[-_·—|\s]+([^-_·—|\s]+店)")
"""A name, and in which shop: what follows the last hyphen, dot or space."""
BETWEEN = "-_·—|:/ "
"""What stands between a channel and a name; a star does by itself, as it also begins a masked name."""
MASKED = compiled(r"\*+\p{Han}{0,3}|\p{Han}{1,2}\*+\p{Han}{0,2}")
SHORT = compiled(r"\p{Han}{1,4}")
"""So long are the names of people; a brand of two characters that is a part of one may be a given name."""
RANKS = ("name", "brand", "trade", "form")
"""What a word reads, the first of these that stands in a name decides."""


@dataclass(frozen=True)
class Hit:
    """A word at a place of a text."""

    word: MerchantWord
    start: int
    end: int

    @property
    def length(self) -> int:
        return self.end - self.start


@dataclass(frozen=True)
class Told:
    """The code that a name tells on the local dates [`first`, `after`)."""

    first: date
    after: date
    code: str


class MerchantNames:
    """Names → what they tell, by a registry's words."""

    def __init__(self, merchants: Merchants | None) -> None:
        channels = "|".join(map(re.escape, merchants.channels)) if merchants else ""
        self._channels = compiled(f"(?:(?:{channels})(?:[{re.escape(BETWEEN)}]+|\\*))+") if channels else None
        self._words: defaultdict[str, list[MerchantWord]] = defaultdict(list)
        lengths: defaultdict[str, set[int]] = defaultdict(set)
        for word in merchants.words if merchants else ():
            self._words[word.word].append(word)
            lengths[word.word[0]].add(len(word.word))
        self._lengths = {first: sorted(found) for first, found in lengths.items()}

    def __call__(self, text: str) -> tuple[Told, ...]:
        """The codes that a name tells, each with its dates; nothing where it tells none, or two of equal rank."""
        pieces = [(piece, self.hits(piece)) for piece in self.pieces(text)]
        words = [hit.word for _, hits in pieces for hit in hits]
        days = sorted({date.max, *(word.valid_from for word in words), *(word.valid_to or date.max for word in words)})
        found = []
        for first, after in pairwise(days):
            code = next((told for piece, hits in pieces if (told := _told(piece, hits, first)) is not None), "")
            if code:
                found.append(Told(first, after, code))
        return tuple(found)

    def pieces(self, text: str) -> Iterator[str]:
        """What of a name is looked at, in turn: before the shop's own name, all of it, what stands in brackets."""
        plain = self.plain(text)
        outside = BRACKETS.sub(" ", plain).strip(BETWEEN)
        if MASKED.fullmatch(outside):
            return
        branch = BRANCH.fullmatch(outside)
        if branch and all(hit.end < len(branch[2]) or hit.word.code is None for hit in self.hits(branch[2])):
            yield branch[1]
        if outside:
            yield outside
        for inside in BRACKETS.findall(plain):
            said = "".join(inside).strip(BETWEEN)
            if said and not said.endswith("店"):
                yield said

    def hits(self, text: str) -> list[Hit]:
        """The words that stand in a text; of Latin letters and digits only whole ones."""
        found = []
        for start, first in enumerate(text):
            for length in self._lengths.get(first, ()):
                end = start + length
                for word in self._words.get(text[start:end], ()):
                    if end <= len(text) and not _is_cut(text, start) and not _is_cut(text, end):
                        found.append(Hit(word, start, end))
        return found

    def plain(self, text: str) -> str:
        """A name as it is compared, without the wallets and acquirers before it."""
        name = read_as(text)
        channel = self._channels.match(name) if self._channels else None
        return name[channel.end() :] if channel else name


def _is_cut(text: str, at: int) -> bool:
    """Whether a place lies within a word of Latin letters or digits."""
    return 0 < at < len(text) and text[at - 1 : at + 1].isascii() and text[at - 1 : at + 1].isalnum()


def _told(piece: str, hits: Sequence[Hit], on: date) -> str | None:
    """The code of a piece on a date; empty where its words disagree, None where they say nothing."""
    standing = [hit for hit in hits if hit.word.in_force(on)]
    hidden = {within for hit in standing if hit.word.reads == "none" for within in _within(hit)}
    heard = [hit for hit in standing if _is_heard(hit, piece) and (hit.start, hit.end) not in hidden]
    for reads in RANKS:
        found = [hit for hit in heard if hit.word.reads == reads]
        if found:
            # Whose shop it is, the longest word says best; what is done there, the last, as the noun ends a name.
            by_length = reads in ("name", "brand")
            rank = max((0 if by_length else hit.end, hit.length) for hit in found)
            best = {hit.word.code for hit in found if (0 if by_length else hit.end, hit.length) == rank}
            return str(best.pop()) if len(best) == 1 else ""
    return None


def _within(hit: Hit) -> Iterator[tuple[int, int]]:
    """Start and end of every part of a word that is shorter than it."""
    for start in range(hit.start, hit.end):
        yield from ((start, end) for end in range(start + 1, hit.end + 1) if end - start < hit.length)


def _is_heard(hit: Hit, piece: str) -> bool:
    if hit.word.reads == "none":
        return False
    is_whole = hit.length == len(piece)
    if hit.word.reads == "name":
        return is_whole
    return is_whole or hit.word.reads != "brand" or hit.length > 2 or SHORT.fullmatch(piece) is None
