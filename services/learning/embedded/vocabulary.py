"""Names, values and numbers that tasks are about.

Training and test never share an entity: words come from two lists, and every other
string belongs to the side that its checksum says.  Numbers below 100 are too few to
divide and belong to both.

Interface:
    Vocabulary      a seeded source of entities of one side
    is_heldout      the side of a string
"""

from __future__ import annotations

import random
import re
import zlib
from collections.abc import Callable
from functools import cache

from .written import read

__all__ = ["HELDOUT_WORDS", "TRAINING_WORDS", "Vocabulary", "is_heldout"]

TRAINING_WORDS: tuple[str, ...] = tuple(
    """
    budget price salary rent color colour city country address phone password token name
    age height weight score level speed limit count amount balance deposit invoice order
    ticket project team leader owner client server host port user login email birthday
    date deadline meeting room floor door code pin key label title author book page
    chapter song movie game player winner result target goal plan task status step stage
    version release branch commit build image video music voice sound light lamp table
    chair window garden tree flower river lake ocean island bridge road street house
    kitchen fridge oven coffee tea milk bread butter cheese apple banana cherry lemon
    orange grape peach potato tomato carrot onion pepper salt sugar rice pasta soup salad
    breakfast lunch dinner recipe menu bill tip tax total subtotal discount margin profit
    revenue cost expense saving interest loan payment refund shipping delivery package
    box bag bottle cup plate spoon knife fork pen pencil paper notebook folder archive
    backup draft summary report memo letter message reply contact friend brother sister
    mother father teacher student doctor nurse pilot driver engine wheel tyre battery
    charger cable screen keyboard mouse printer camera lens sensor signal channel network
    router gateway cluster node kernel thread queue buffer cache index record field
    column row matrix vector graph edge circle square number digit letterhead word phrase
    language english german french spanish red green blue yellow black white purple
    silver gold iron copper stone sand glass wood cotton wool winter spring summer autumn
    monday tuesday friday sunday morning evening night january march june october
    berlin london paris tokyo madrid oslo vienna dublin cairo lima anna bob carla david
    emma felix greta hugo irene jonas karl laura max nina oscar paula robert sara tom
    happy quick slow early late open closed ready active main spare first second last
    buy call send fix check visit clean paint write bring wash water feed pack
    favourite favorite wifi secret personal home work new old big small best daily weekly monthly
    yearly next previous maximum minimum average quarterly annual holiday travel train flight gate
    seat dog cat pet size shoe shirt bike car plate engineer boss partner wife husband son daughter
    allergy blood credit bank tax customer supplier stock price share fund retry timeout size width
    length depth weekday session region zone model vendor contract salary bonus hello world note
    hello hi hey world thanks please ok yes no today tomorrow yesterday now later good morning
    evening store save keep remember put delete list file files memory value result answer what
    who where when why how this that these those my your our their is are was were be have has do
    done not never always often some any all none more less most big small old new great nice
    sun moon star rain snow wind fire earth life love work home school office shop train bus car
    bike plane ship boat north south east west left right up down day week month year hour minute
    man woman child king queen people group class case point hand head eye foot heart mind idea
    thing place side part area line end start stop go come take make see know think want need
    read sing dance run walk sleep eat drink play win lose open close times plus minus total sum
    half double percent time date clock calculate compute show tell find look up get set add
    """.split()
)

HELDOUT_WORDS: tuple[str, ...] = tuple(
    """
    lantern velvet harbor quartz falcon meadow timber walnut saddle thunder glacier
    compass anchor pillow magnet dragon candle violin trumpet planet comet rocket
    orbit canyon desert jungle temple castle tower palace museum bakery market tailor
    farmer sailor wizard knight jacket mitten scarf helmet ribbon button needle hammer
    ladder shovel bucket kettle napkin mustard ginger almond pumpkin radish celery turnip
    salmon lobster pigeon rabbit badger beaver donkey turtle zebra panther prague helsinki
    warsaw boston denver osaka milan geneva ursula viktor wendy xaver yvonne zoe quentin
    bruno dorothy ernest mileage voltage humidity latency throughput quota threshold
    allowance itinerary passport voucher coupon warranty insurance mortgage
    pension stipend donation membership subscription license serial checksum
    """.split()
)

_EXTENSIONS = ("txt", "txt", "txt", "md", "csv", "json", "log", "dat", "yaml", "html", "py", "ini")
_ALNUM = "abcdefghijklmnopqrstuvwxyz0123456789"
_ALPHA = "abcdefghijklmnopqrstuvwxyz"
_ONSETS = "b c d f g h j k l m n p r s t v w z br ch dr fl gr pl sh st tr th".split()
_VOWELS = "a e i o u ai ea oo".split()
_CODAS = ["", "", "", *"n r s t l m x ck nd rt".split()]
_SMALL_WORDS = ("the", "and", "of", "a", "is", "or", "no")
_ACCENTED = ("café", "Zürich", "naïve", "Müller", "São Paulo", "jalapeño", "Kraków", "façade")


@cache
def _phrasing_words() -> tuple[str, ...]:
    """The words of the written phrasings: each is one token, and has to be copied like any name."""
    found = {
        word
        for phrase in read("training")
        for word in re.findall(r"[a-z]{2,}", re.sub(r"\{\w+\}", " ", phrase.template))
    }
    return tuple(sorted(found - set(HELDOUT_WORDS)))


#: No attributes: "the value of it" is something else.
_ANY = frozenset(
    "value key name text content contents file number result total sum rest product difference"
    " average half double list file memory note line entry square".split()
)


#: Characters of a passage, as the tool cuts it.
PASSAGE = 400


def is_heldout(text: str) -> bool:
    """Whether a name or number is reserved for tests."""
    return zlib.crc32(text.lower().encode()) % 8 == 0


class Vocabulary:
    """Draws entities of one side from a random source that the caller seeds."""

    def __init__(self, rng: random.Random, *, heldout: bool = False, common: float = 0.0) -> None:
        self.rng = rng
        self.heldout = heldout
        #: share of words that are words of the phrasings
        self._common = common
        self._words = HELDOUT_WORDS if heldout else TRAINING_WORDS

    def _own(self, draw: Callable[[], str]) -> str:
        while True:
            text = draw()
            if is_heldout(text) == self.heldout:
                return text

    def word(self) -> str:
        """A plain word, or in training sometimes an invented one."""
        if self._common and self.rng.random() < self._common:
            return self.rng.choice(_phrasing_words())
        if not self.heldout and self.rng.random() < 0.3:
            return self._own(self._invented)
        return self.rng.choice(self._words)

    def _invented(self) -> str:
        rng = self.rng
        return "".join(
            rng.choice(_ONSETS) + rng.choice(_VOWELS) + rng.choice(_CODAS)
            for _ in range(rng.randint(1, 3))
        )

    def identifier(self, low: int = 1, high: int = 16) -> str:
        """Random characters, with or without digits, dashes and capitals."""
        return self._own(lambda: self._identifier(low, high))

    def _identifier(self, low: int, high: int) -> str:
        rng = self.rng
        length = rng.randint(low, high)
        style = rng.random()
        if style < 0.25:
            text = "".join(rng.choices(_ALPHA, k=length))
        elif style < 0.7:
            text = rng.choice(_ALPHA) + "".join(rng.choices(_ALNUM, k=length - 1))
        elif style < 0.85:
            text = "".join(rng.choices(_ALNUM, k=length)).upper()
        else:
            text = "".join(rng.choices(_ALNUM + _ALNUM.upper(), k=length))
        if length > 5 and rng.random() < 0.4:
            cut = rng.randint(2, length - 3)
            text = text[:cut] + rng.choice("-_") + text[cut + 1 :]
        # a name made of digits alone could not be told from a number
        return text if any(map(str.isalpha, text)) else rng.choice(_ALPHA) + text[1:]

    def key(self) -> str:
        """A name under which something may be remembered."""
        rng, style = self.rng, self.rng.random()
        if style < 0.35:
            text = self.word()
            return text.capitalize() if rng.random() < 0.06 else text
        if style < 0.5:
            return f"{self.word()}{rng.choice('___-')}{self.word()}"
        if style < 0.58:
            return self.word().capitalize() + self.word().capitalize()
        if style < 0.62:
            return self.word() + self.word().capitalize()
        if style < 0.70:
            return f"{self.word()}{rng.choice('-_')}{self.identifier(3, 6)}"
        if style < 0.76:
            return f"{self.word()}{rng.choice(['', '_', '-'])}{rng.randint(1, 99)}"
        if style < 0.84:
            return f"{self.word()} {self.word()}"
        if style < 0.87:
            joint = rng.choice(["'s ", "'s ", " of ", " number "])
            return f"{self.word()}{joint}{self.word()}"
        return self.identifier()

    def path(self) -> str:
        """A file name with an extension, rarely in a folder."""
        rng = self.rng
        stem = self.identifier() if rng.random() < 0.3 else self.key().replace(" ", "_")
        folder = f"{self.word()}/" if rng.random() < 0.08 else ""
        return f"{folder}{stem}.{rng.choice(_EXTENSIONS)}"

    def number(self, low: int = 1, high: int = 9) -> str:
        """Digits, sometimes with a decimal point."""
        rng = self.rng
        digits = rng.choices(range(1, 10), weights=(8, 20, 20, 14, 12, 10, 9, 4, 3))[0]
        digits = min(max(digits, low), high)
        if digits < 3:
            return str(rng.randint(10 ** (digits - 1), 10**digits - 1))
        text = self._own(lambda: str(rng.randint(10 ** (digits - 1), 10**digits - 1)))
        if low == 1 and digits < 6 and rng.random() < 0.06:
            return f"{text}.{rng.choice(['5', '25', '75', '1', '99'])}"
        return text

    def value(self) -> str:
        """Something to remember or to write: a number, a name, a few words."""
        rng, style = self.rng, self.rng.random()
        if style < 0.28:
            return self.number()
        if style < 0.42:
            return self.word()
        if style < 0.52:
            return self.identifier()
        if style < 0.6:
            return self._special()
        if style < 0.7:
            return f"{self.word().capitalize()} {self.word().capitalize()}"
        if style < 0.72:
            return rng.choice(_ACCENTED)
        return self.words(2, 4)

    def words(self, low: int, high: int) -> str:
        """A few words in a row, as in a note."""
        rng = self.rng
        picked = [self.word() for _ in range(rng.randint(low, high))]
        # A word said twice: whoever copies must not lose count.
        if self._common and rng.random() < 0.12:
            picked.insert(0, picked[0]) if rng.random() < 0.5 else picked.append(picked[-1])
        # Small words make a request that even a person may part wrongly: none in tests.
        if len(picked) > 2 and not self.heldout and rng.random() < 0.3:
            picked[rng.randint(1, len(picked) - 2)] = rng.choice(_SMALL_WORDS)
        if rng.random() < 0.15:
            picked[0] = picked[0].capitalize()
        if rng.random() < 0.1:
            picked[-1] = self.number(1, 4)
        return " ".join(picked)

    def _special(self) -> str:
        rng = self.rng
        return rng.choice(
            [
                f"{self.word()}@{self.word()}.{rng.choice(['com', 'org', 'net', 'de'])}",
                f"20{rng.randint(10, 39)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}",
                f"{rng.randint(0, 23)}:{rng.randint(0, 59):02}",
                f"${self.number(1, 4)}",
                f"{self.number(1, 3)}%",
                f"{rng.randint(10, 999)}-{rng.randint(100, 9999)}",
                f"{self.number(1, 3)} {rng.choice(['euros', 'dollars', 'kg', 'km', 'minutes'])}",
                f"-{self.number(1, 4)}",
                f"https://{self.word()}.{rng.choice(['com', 'org'])}/{self.word()}",
            ]
        )

    def thing(self) -> str:
        """Something that documents speak of."""
        rng, style = self.rng, self.rng.random()
        if style < 0.5:
            return self.word().capitalize()
        if style < 0.72:
            return f"{self.word().capitalize()} {self.word().capitalize()}"
        if style < 0.82:
            return self.word()
        if style < 0.9:
            return f"{self.word().capitalize()}{rng.choice([' ', '-', ''])}{rng.randint(1, 99)}"
        return self.identifier(2, 12)

    def attribute(self) -> str:
        """What documents say of a thing."""
        rng = self.rng
        while (text := self.word()) in _ANY:
            pass
        if rng.random() < 0.15:
            text += f"{rng.choice(' _')}{self.word()}"
        return text

    def passage(self, topic: str) -> str:
        """A line of what a search finds: where it stands, and a sentence or two about a topic."""
        rng = self.rng
        place = rng.choice(
            ("", "", f", page {rng.randint(1, 99)}", f", row {rng.randint(1, 99)}",
             f", line {rng.randint(1, 999)}", f", section {self.words(1, 3).capitalize()}")
        )  # fmt: skip
        length = rng.choices(((3, 8), (6, 16), (16, 60)), weights=(4, 3, 3))[0]
        words = self.words(*length).split()
        for where in range(len(words) - 1):
            if rng.random() < 0.12:
                words[where] += rng.choice(
                    (".", ".", ".", ",", ",", ";", ":", " -", ")", " |", "%")
                )
                if words[where].endswith("."):
                    words[where + 1] = words[where + 1].capitalize()
            elif rng.random() < 0.25:
                words[where] += f" {rng.choice(_SMALL_WORDS)}"
        words.insert(rng.randint(0, len(words)), topic)
        if rng.random() < 0.5:
            words.insert(rng.randint(0, len(words)), self.number())
        folder = f"{self.word()}/" if rng.random() < 0.2 else ""
        text = " ".join(words)[:PASSAGE]
        return f"{folder}{self.path()}{place}: {text}{rng.choice(('', '.', '.'))}"

    def moment(self) -> str:
        """What a clock may say."""
        rng = self.rng
        day = f"20{rng.randint(24, 31)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}"
        return f"{day} {rng.randint(0, 23):02}:{rng.randint(0, 59):02}"
