"""The training grammar's rules, and what may stand around a request or between two.

Interface:
    GRAMMAR         rules that productions may use
    AFFIXES         by mood: what may stand before and after
    JOINERS         what may stand between two requests
"""

from __future__ import annotations

from collections.abc import Mapping

from .grammar import Grammar

GRAMMAR = Grammar(
    {
        "calc": "calculate|compute|work out|figure out|evaluate|determine|find|find out|solve"
        "|get|do",
        "tell": "tell me|give me|show me|let me know|say|I need|I want|I want to know|find"
        "|I would like to know|I'd like to know|get me|let me have|I have to know"
        "|I want to have|report|inform me about|I'd like to have|hand me",
        "ask": "what is|what's|whats|how much is|what would be|what was|what are|what will be"
        "|what might be|any idea what is",
        "put": "store|save|keep|remember|put|record|note|memorise|memorize|note down|write down"
        "|add|set|file away|make a note of|hold|jot down|hang on to|please keep|log",
        "put2": "store|save|keep|remember|put|record|note|memorise|hold",
        "it": "it|that|this|the result|the answer|the value|the outcome|the total|the number",
        "under": "as|under|as|under|in|for|as the|under the name|under the key|with the name"
        "|with the key|in memory as|in memory under|in your memory as|to|into|by the name"
        "|as the value of|under the label|as key|using the key|called",
        "then": "and|and then|then|, then|. Then|, and|, and then|. Now|, after that|. After that",
        "stored": "stored|saved|kept|recorded|noted|remembered",
        "lookup": "look up|recall|get|fetch|find|retrieve|check|take|read|load|look at",
        "take": "take|get|use|pick|look up|fetch|recall|retrieve|read",
        "wr": "write|save|put|store|print|output|dump|record|add",
        "to": "to|into|in|to the file|into the file|in the file|to a file named"
        "|in a file called|into a file called|to a file called|in a new file|to a new file"
        "|to file|in file|on file",
        "mem": "memory|your memory|the memory",
        "drop": "forget|delete|remove|erase|drop|clear|discard|wipe|unset|throw away"
        "|get rid of|purge|scrub|wipe out|let go of|eliminate",
        "outcome": "what is it|how much is it|what is the result|what comes out|what do I have"
        "|what is the total|how much do I have|what will it be|what would that be",
        "show": "show|show me|print|display|read|open|output|view|cat|read me|read out|fetch|get",
    }
)

JOINERS = (" and ", " and then ", ", then ", ". Then ", ", and ", ". After that, ", "; ", ". Also ",
           ". ", " and also ", ", and then ", ". Next, ", ". And ", "\n")  # fmt: skip

AFFIXES: Mapping[str, tuple[str, str]] = {
    "order": (
        "[||||please|please|can you|could you|would you|will you|can you please|kindly|hey,|hi,"
        "|hello,|ok,|now|now please|I want you to|I'd like you to|I need you to|go and|just"
        "|you should|would you please|could you please|hey, can you|let's|first|next|help me:"
        "|so|quickly|agent,|hi there, please|you must|okay, please|right,|try to|be so kind and"
        "|I'd be glad if you could|it would be nice if you could|next thing:|another thing:"
        "|my wish:|task:|also,|then|could you|would you kindly|I need to|I want to|we have to"
        "|time to|do me a favour and|um,|well,|alright,|good morning, please|make sure to"
        "|do not forget to|good,|listen,|your job:|your task is to|help me|help me to"
        "|I would be happy if you]",
        "[|||||please|thanks|thank you|for me|now|right now|for me please|, please|, thanks|ok"
        "|if you can|quickly|, ok|at once|. Thanks|. Thank you|when you can|, would you"
        "|, will you|, could you|, can you|, if possible|, thank you very much|. That is all"
        "|today|immediately|. Be quick|, my friend|and be quick|, it is important|. I need it"
        "|, agent|without asking]",
    ),
    "question": (
        "[|||||hey,|hi,|hello,|ok,|so|please|and|quick question:|question:|tell me,|now,"
        "|say,|well,|one more thing:|I wonder,|just curious,|please tell me:]",
        "[|||||please|thanks|again|now|, please|, thanks|do you know|right now|. Thanks|exactly]",
    ),
    "statement": (
        "[||||hey,|hi,|ok,|note:|fyi|so|please note that|remember:|please remember:|listen,"
        "|you should know that|for the record,|by the way,|btw|remember this:|remember|note that"
        "|keep in mind that|just so you know,]",
        "[||||, remember that|, remember it|, please remember that|. Remember that|, keep that"
        "|. Please remember this|, note that|. Store that|. Save it|, please store that"
        "|. Keep it in mind|, please|. Make a note of it|, store it|, save that|, ok|. Thanks]",
    ),
}
