"""Phrasings that the model is tested on and never trained on.

They were written before the training grammar, as a person would type them.  A test
turns the grammar into one regular expression and proves that none of these skeletons
(words without slots, capitals and punctuation) belongs to its language.

Interface:
    Phrase          kind, expression and template
    PHRASES         all of them
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["PHRASES", "Phrase"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrase:
    """One way to ask for one kind of task."""

    #: the kind of task (see `tasks.KINDS`)
    kind: str
    #: the calculator expression that is meant, with slots; empty where none is needed
    expression: str
    #: the words of the request, with slots
    template: str


_ROWS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    (
        "compute",
        "{a} + {b}",
        (
            "sum up {a} and {b} for me",
            "I have {a} and get {b} on top, how many is that?",
            "Put {a} and {b} together and tell me the total",
            "what do I get if I add {a} to {b}",
            "need the sum: {a}, {b}",
        ),
    ),
    (
        "compute",
        "{a} - {b}",
        (
            "how much is left of {a} after {b} is subtracted",
            "start at {a} and go down by {b}",
            "I want to know what {a} less {b} comes to",
            "{a} minus {b} makes how much?",
        ),
    ),
    (
        "compute",
        "{a} * {b}",
        (
            "what number comes out when {a} is multiplied with {b}",
            "{a} times {b} makes how much?",
            "How much do I get for {a} times {b}?",
            "{a} should be multiplied by {b}, what comes out?",
            "run the multiplication {a} by {b}",
        ),
    ),
    (
        "compute",
        "{a} / {b}",
        (
            "split {a} evenly by {b}, how much is each part?",
            "I'd like {a} to be divided by {b}",
            "{a} divided by {b} makes how much?",
        ),
    ),
    (
        "compute",
        "{a} / 2",
        (
            "if {a} is cut in half, how large is one piece?",
            "I only want half as many as {a}, how many is that?",
        ),
    ),
    ("compute", "{a} * 2", ("{a} doubled makes how much?", "what is two times as many as {a}")),
    (
        "compute",
        "{a} + {b} + {c}",
        (
            "sum up {a}, {b} and {c} for me",
            "please total these numbers for me: {a} and {b} and {c}",
        ),
    ),
    ("compute", "{a} * {b} + {c}", ("first {a} times {b}, then {c} more, what is it",)),
    (
        "store",
        "",
        (
            "from now on {key} equals {value}",
            "hold on to {value}, it is the {key}",
            "there is a new entry for memory: {key} with value {value}",
            "don't lose this: {key} is {value}",
            "the value for {key} should become {value}",
            "put down {value} for {key}",
            "for later: {key} is {value}",
            "under {key} I want you to keep {value}",
        ),
    ),
    (
        "recall",
        "",
        (
            "I forgot {key}, what was it?",
            "which value did I give you for {key}?",
            "does {key} ring a bell? Tell me its value.",
            "remind me what {key} was",
            "do you have anything under {key}?",
            "{key} was what again?",
            "what did we save for {key}",
            "give back what is under {key}",
        ),
    ),
    (
        "forget",
        "",
        (
            "{key} is not needed any more, delete it",
            "get {key} out of your memory",
            "you can forget about {key} now",
            "I want {key} to be removed from memory",
            "no need to remember {key} any longer",
        ),
    ),
    (
        "keys",
        "",
        (
            "what have I told you to remember so far?",
            "can I see all the keys that you know",
            "which things do you have in memory right now",
            "name everything that is stored in memory",
        ),
    ),
    (
        "write",
        "",
        (
            "I need a new file {path} that says {text}",
            "fill the file {path} with {text}",
            "let {path} contain {text}",
            "{text} belongs in the file {path}",
            "{path} should say {text}, please write it",
        ),
    ),
    (
        "read",
        "",
        (
            "I want to see {path}",
            "which text is in the file {path}?",
            "have a look at {path} and tell me what it says",
            "what would I see if I opened {path}",
            "what did I write in {path}",
        ),
    ),
    (
        "files",
        "",
        (
            "which files did I write so far?",
            "can I see the names of all my files",
            "let me see a list of every file",
            "do I have any files",
        ),
    ),
    (
        "time",
        "",
        (
            "is there a clock here? what does it show",
            "can I have the time of day",
            "which time does the clock say",
            "tell me today's date and the time",
        ),
    ),
    (
        "compute_store",
        "{a} + {b}",
        (
            "sum up {a} and {b} and let {key} be the result",
            "{key} should become {a} plus {b}",
            "I want {key} to hold the sum of {a} and {b}",
        ),
    ),
    (
        "compute_store",
        "{a} * {b}",
        (
            "take {a} times {b} and remember the outcome, call it {key}",
            "{key} should become {a} times {b}",
            "what is {a} times {b}? Keep that for me under {key}.",
        ),
    ),
    (
        "compute_write",
        "{a} - {b}",
        (
            "I need a file {path} with {a} minus {b} in it",
            "what is {a} minus {b}? The file {path} should say it.",
        ),
    ),
    (
        "compute_write",
        "{a} + {b}",
        ("fill {path} with the sum of {a} and {b}", "{path} should contain {a} plus {b}"),
    ),
    (
        "recall_compute",
        "{0} + {n}",
        (
            "how much would {key} be with {n} more?",
            "go and look at {key} in memory, add {n}, and tell me the total",
            "if {key} went up by {n}, what would it be?",
        ),
    ),
    (
        "recall_compute",
        "{0} * {n}",
        (
            "suppose I had {n} times {key}, what would I have?",
            "grab {key} and multiply the number by {n}",
        ),
    ),
    (
        "recall_compute",
        "{0} - {n}",
        ("how much of {key} is left after I take away {n}?",),
    ),
    (
        "recall_two",
        "{0} + {1}",
        (
            "{key} and {key2} together, how much is that?",
            "look at {key}, look at {key2}, and sum them up",
        ),
    ),
    (
        "recall_write",
        "",
        (
            "I need {key} from memory in a file called {path}",
            "make me a file {path} out of what memory has for {key}",
            "{path} should say what you remember for {key}",
        ),
    ),
    (
        "read_store",
        "",
        (
            "what {path} says should be remembered as {key}",
            "have a look at {path} and remember its text as {key}",
            "{key} should become what {path} says",
        ),
    ),
    (
        "time_store",
        "",
        ("what time is it? Keep that under {key}.", "{key} should become the current time"),
    ),
)

PHRASES: tuple[Phrase, ...] = tuple(
    Phrase(kind=kind, expression=expression, template=template)
    for kind, expression, templates in _ROWS
    for template in templates
)
