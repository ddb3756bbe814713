"""Writes `stories.txt`: small stories in simple English, for models of teaching size to learn from.

A story has a place with its own things, two people and what they do there; what a sentence says
follows from what was said before: who has a thing, where it is, what the weather is like. So there
is something to learn at every distance: words, grammar, who `she` is, what belongs to a place.

    python stories.py [stories] > stories.txt
"""

from __future__ import annotations

import random
import sys

GIRLS = "Ada Bella Cora Dora Emma Flora Greta Hanna Ida Julia Lena Mia Nora Olga Paula Rosa".split()
BOYS = "Adam Ben Carl David Emil Felix Georg Hugo Ivan Jonas Karl Leo Max Noah Oskar Paul".split()
#: Of each place: how one gets there, its things, its animals, what one does, what it is like.
PLACES = {
    "harbour": {
        "things": ["rope", "net", "anchor", "oar", "sail"],
        "beings": ["gull", "crab", "seal"],
        "deeds": ["mended the boat", "counted the fish", "watched the waves", "painted the mast"],
        "looks": ["salty", "windy", "loud with ships"],
    },
    "kitchen": {
        "things": ["spoon", "kettle", "pan", "bowl", "knife"],
        "beings": ["cat", "mouse", "fly"],
        "deeds": ["baked the bread", "stirred the soup", "washed the plates", "peeled the apples"],
        "looks": ["warm", "full of steam", "sweet with cinnamon"],
    },
    "farm": {
        "things": ["bucket", "rake", "cart", "saddle", "lantern"],
        "beings": ["horse", "hen", "goat"],
        "deeds": ["fed the pigs", "cut the hay", "milked the cow", "mended the fence"],
        "looks": ["muddy", "wide", "golden with wheat"],
    },
    "school": {
        "things": ["pencil", "ruler", "map", "globe", "notebook"],
        "beings": ["parrot", "turtle", "hamster"],
        "deeds": ["read a poem", "solved the sum", "drew a circle", "learned a song"],
        "looks": ["bright", "quiet", "noisy with children"],
    },
    "forest": {
        "things": ["basket", "axe", "compass", "blanket", "whistle"],
        "beings": ["deer", "owl", "fox"],
        "deeds": ["picked berries", "climbed an oak", "gathered mushrooms", "followed the path"],
        "looks": ["dark", "green", "full of old trees"],
    },
    "market": {
        "things": ["coin", "scale", "bag", "ribbon", "lamp"],
        "beings": ["dog", "pigeon", "donkey"],
        "deeds": ["sold the cheese", "weighed the plums", "bought some silk", "praised the honey"],
        "looks": ["crowded", "colourful", "busy with merchants"],
    },
    "workshop": {
        "things": ["hammer", "saw", "nail", "clock", "wheel"],
        "beings": ["spider", "sparrow", "beetle"],
        "deeds": ["built a chair", "turned the screw", "sharpened the chisel", "glued the frame"],
        "looks": ["dusty", "narrow", "sharp with the smell of oil"],
    },
    "mountain": {
        "things": ["stick", "tent", "boot", "torch", "flask"],
        "beings": ["eagle", "marmot", "ibex"],
        "deeds": ["crossed the glacier", "lit a fire", "looked for the hut", "rested on a rock"],
        "looks": ["steep", "cold", "white with snow"],
    },
}  # fmt: skip
SKY = {
    "sunny": "The sun was shining", "rainy": "It was raining", "snowy": "Snow was falling",
    "foggy": "There was a thick fog", "stormy": "A storm was coming",
}  # fmt: skip
AFTER = {
    "sunny": "It had been a hot day", "rainy": "Their coats were wet",
    "snowy": "Their hands were cold", "foggy": "They had hardly seen the way",
    "stormy": "The wind had blown their hats away",
}  # fmt: skip
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
COLOURS = "red blue green yellow black white brown grey".split()


def story(chance: random.Random) -> str:
    """Return one story, a paragraph."""
    place = chance.choice(list(PLACES))
    there = PLACES[place]
    names, she = (GIRLS, True) if chance.random() < 0.5 else (BOYS, False)
    one, other = chance.sample(names, 2)
    pronoun, her, own = ("she", "her", "her") if she else ("he", "him", "his")
    thing, second = chance.sample(there["things"], 2)
    colour = chance.choice(COLOURS)
    being = chance.choice(there["beings"])
    first, then = chance.sample(there["deeds"], 2)
    sky, day = chance.choice(list(SKY)), chance.choice(DAYS)
    holder = one
    lines = [
        chance.choice(
            [
                f"On {day} {one} went to the {place}.",
                f"One {day} {one} was at the {place}.",
                f"{one} came to the {place} on {day}.",
            ]
        ),
        f"{SKY[sky]}, and the {place} was {chance.choice(there['looks'])}.",
        f"{pronoun.capitalize()} {first} and had a {colour} {thing} with {her}.",
    ]
    if chance.random() < 0.8:
        lines.append(
            chance.choice(
                [
                    f"{other} was there too and looked for a {second}.",
                    f"There {pronoun} met {other}, who {then}.",
                ]
            )
        )
        if chance.random() < 0.6:
            lines.append(f"{one} gave the {colour} {thing} to {other}.")
            holder = other
    else:
        other = ""
    if chance.random() < 0.6:
        lines.append(
            f"A {being} came by, and {one} "
            + chance.choice(["was afraid of it.", "gave it some bread.", "laughed at it."])
        )
    lines.append(f"Now {holder} had the {colour} {thing}.")
    if other:
        lines.append(f"{AFTER[sky]} when {one} and {other} left the {place}.")
    else:
        lines.append(f"In the evening {one} left the {place} with {own} {thing}.")
    return " ".join(lines)


def main() -> None:
    """Write as many stories as are asked for."""
    chance = random.Random(1)
    for _ in range(int(sys.argv[1]) if len(sys.argv) > 1 else 1000):
        print(story(chance), end="\n\n")


if __name__ == "__main__":
    main()
