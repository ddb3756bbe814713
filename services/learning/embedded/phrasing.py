"""The training grammar: how people may ask for each kind of task.

A value can come from many sources (a literal, a sum, memory, a file, the clock) and go
to many places (the answer, memory, a file).  Sources are noun phrases, places are
frames around them, so kinds are products of the two.

Interface:
    Production      kind, expression, mood and text
    PRODUCTIONS     the grammar
    GRAMMAR         its rules
    AFFIXES         what may stand around a request, by mood
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .grammar import Grammar

__all__ = ["AFFIXES", "GRAMMAR", "JOINERS", "PRODUCTIONS", "Production"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Production:
    """Many ways to ask for one kind of task."""

    #: the kind of task (see `tasks.KINDS`)
    kind: str
    #: the calculator expression that is meant, with slots; empty where none is needed
    expression: str
    #: `order`, `question` or `statement`: decides what may stand around it
    mood: str
    #: text in the language of `Grammar`
    text: str


GRAMMAR = Grammar(
    {
        "calc": "calculate|compute|work out|figure out|evaluate|determine|find|find out|solve"
        "|get|do",
        "tell": "tell me|give me|show me|let me know|say|I need|I want|I want to know|find"
        "|I would like to know|I'd like to know|get me|let me have",
        "ask": "what is|what's|whats|how much is|what would be|what was|what are|what does",
        "put": "store|save|keep|remember|put|record|note|memorise|memorize|note down|write down"
        "|add|set|file away|make a note of|hold",
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
        "|get rid of|purge",
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
        "|so|quickly|agent,|hi there, please|you must|okay, please|right,|try to]",
        "[|||||please|thanks|thank you|for me|now|right now|for me please|, please|, thanks|ok"
        "|if you can|quickly|, ok|at once|. Thanks|. Thank you|when you can|, would you]",
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

_RECALL = (
    "the value of {key}|the [stored|saved|] value of [the key|the|] {key}|what is <stored> [under|as|for|in]"
    " {key}|the value <stored> [under|as|for|in] {key}|{key} from <mem>|the value [for|under|at] {key}"
    "|what you [have|know|<stored>] [for|under|as] {key}|the [<stored>|remembered] {key}"
    "|whatever is [|<stored>] under {key}|the content of {key}|the memory entry {key}"
    "|what {key} [holds|is]|what [is|you have] in memory [for|under] {key}"
)
_BARE = f"{_RECALL}|{{key}}|{{key}}|{{key}}|the {{key}}|my {{key}}|our {{key}}|the number {{key}}"
_SECOND = _BARE.replace("{key}", "{key2}")
_FILE = (
    "the [contents|content|text] of [the file|file|] {path}|what is in [the file|] {path}"
    "|what [the file|] {path} [contains|says|holds]|the text [in|from|inside] [the file|] {path}|what you find in {path}"
    "|the [line|value|entry] in [the file|] {path}|whatever is in {path}|[the file|file|] {path}"
)
_TIME = (
    "the [current|present|exact|] [time|date|date and time|time and date]|the time [now|of now|right now]|what time it is"
    "|the time it is now|today's date|a [timestamp|time stamp]|the current timestamp|the clock time|the clock"
)
_KEYS = (
    "[the|a] list of [the|all|your|] [memory|stored|] [keys|names]|[all|] the [memory|stored] [keys|names]"
    "|[the|all] keys in [|your|the] memory|the names of [all|the|] [stored|saved] [values|things|entries]|all keys"
    "|the key list|the list of everything in memory|what keys there are|what keys you have"
)
_FILES = (
    "[the|a] list of [the|all|my|] [files|file names]|[all|] the [file names|files there are]|the names of [the|all|my] files"
    "|the file list|the [directory|folder] listing|what files [there are|exist|you have]"
    "|all file names"
)
_LITERAL = "{value}"

#: operators: noun phrases over x and y, then orders
_OPERATIONS: Mapping[str, tuple[str, str]] = {
    "{x} + {y}": (
        "{x} plus {y}|{x} plus {y}|{x} + {y}|{x} + {y}|{x}+{y}|the [sum|total] of {x} and {y}|{x} and {y} [added|summed|taken|put] together"
        "|{y} more than {x}|{x} increased by {y}|the result of adding {y} to {x}|the [sum|total] of {x} plus {y}|{x} with {y} added"
        "|{x} and {y} [combined|in total]|the result of {x} plus {y}|{x} and {y} more",
        "add {x} and {y}|add {y} to {x}|add {y} to {x}|sum {x} and {y}|add together {x} and {y}|add up {x} and {y}"
        "|take {x} and add {y}|total {x} and {y}|combine {x} and {y}|increase {x} by {y}",
    ),
    "{x} - {y}": (
        "{x} minus {y}|{x} minus {y}|{x} - {y}|{x} - {y}|{x}-{y}|the difference [between|of] {x} and {y}|{x} [reduced|decreased|lowered] by {y}"
        "|{y} [less|fewer] than {x}|{x} less {y}|{x} without {y}|{x} take away {y}|the result of [subtracting|deducting|taking] {y} from {x}"
        "|what remains of {x} [after|without] {y}|{x} with {y} [subtracted|taken away|taken off]|the result of {x} minus {y}",
        "subtract {y} from {x}|subtract {y} from {x}|take {y} [away|off] from {x}|take {y} from {x}|deduct {y} from {x}|take {x} and subtract {y}"
        "|decrease {x} by {y}|reduce {x} by {y}|remove {y} from the number {x}|take {x} minus {y}",
    ),
    "{x} * {y}": (
        "{x} times {y}|{x} times {y}|{x} * {y}|{x} * {y}|{x}*{y}|{x} x {y}|{x} × {y}|{x} multiplied [by|with] {y}|the [product|multiplication] of {x} and {y}"
        "|the [total|result|product] of {x} times {y}|the result of multiplying {x} [by|with|and] {y}|{y} lots of {x}|{x} multiplied {y} times",
        "multiply {x} [by|by|with|and|times] {y}|take {x} [times {y}|and multiply [it|] by {y}]|times {x} by {y}|take the product of {x} and {y}",
    ),
    "{x} / {y}": (
        "{x} divided by {y}|{x} divided by {y}|{x} / {y}|{x}/{y}|{x} over {y}|{x} ÷ {y}|the [quotient|division|ratio] of {x} and {y}|{x} [split|shared] [by|among|between|into] {y}"
        "|the result of dividing {x} [by|into] {y}|the result of {x} divided by {y}",
        "divide {x} by {y}|divide {x} by {y}|split {x} [by|into|among|between] {y}|take {x} and divide [it|] by {y}|share {x} [among|between] {y}",
    ),
    "{x} * 2": (
        "double {x}|twice {x}|{x} doubled|two times {x}|the double of {x}|twice as much as {x}|{x} times two",
        "double {x}|multiply {x} by two|take {x} and double it|take {x} twice|double the number {x}",
    ),
    "{x} / 2": (
        "half of {x}|half {x}|{x} halved|the half of {x}|half as much as {x}|{x} divided by two|{x} in half|one half of {x}",
        "halve {x}|divide {x} by two|take half of {x}|split {x} in half|cut {x} in half|take {x} and halve it|split {x} in two",
    ),
    "{x} * 3": ("triple {x}|three times {x}|{x} tripled|{x} times three", "triple {x}|multiply {x} by three"),
    "{x} * {x}": ("{x} squared|the square of {x}|{x} times itself", "square {x}|multiply {x} [by|with] itself"),
}  # fmt: skip
_PERCENT = "{y} percent of {x}|{y}% of {x}|{y} per cent of {x}"
_AVERAGE = "the [average|mean] of {x} and {y}|the average between {x} and {y}"

_ASK_ORDER = (
    "[<calc>|<tell>] {np}|<tell> [what|how much] {np} [is|equals|makes|gives]|<calc> {np} and <tell> [it|the result|the answer]"
    "|<calc> the result of {np}|<calc> [how much|what] {np} is|<tell> the result of {np}"
)
_ASK_QUESTION = (
    "<ask> {np}|<ask> {np}|<ask> {np}|[what|how much] [does|do|is|would] {np} [equal|make|give|come to|get you]"
    "|{np}|{np} =|{np} equals|{np} is [what|how much]|do you know {np}|can you tell me {np}|how much [does|will] {np} make|[what|how much] {np} is"
    "|what do you get for {np}|could you tell me {np}|what number is {np}|how many is {np}|what is the result of {np}|what's the answer to {np}"
)
_STORE = (
    "<put> {np} <under> {key}|<put> {np} <under> {key}|<put2> {np} <under> {key}|set {key} to {np}|set {key} to {np}|set {key} = {np}|let {key} be {np}|make {key} {np}|make {np} the {key}"
    "|<put2> [|that] {key} [is|=|equals] {np}|remember that [|the|my|our] {key} is {np}|remember that [|the|my|our] {key} is {np}|remember [|the|my|our] {key} is {np}|remember {key}: {np}|remember {key} = {np}|<put2> [in memory|in your memory] that [|my|the] {key} is {np}"
    "|<put2> {key} as {np}|<put2> {key} [=|:|with the value|with] {np}|assign {np} to {key}|give {key} the value {np}|[put|keep|hold] {np} [in|in memory under] {key}"
    "|[change|update] {key} to {np}|[use|take] {np} [as|for] [the|] {key}|bind {key} to {np}|under {key}, <put2> {np}|[define|register] {key} as {np}|<put2> the following <under> {key}: {np}|<put2> in memory [|under] {key}: {np}"
)
_STATE = (
    "{key} is {value}|{key} is {value}|{key} = {value}|{key}={value}|{key}: {value}|[my|the|our|her|his] {key} is {value}|[my|the|our] {key} is {value}|the value of {key} is {value}"
    "|[|my|the] {key} is now {value}|{value} is [the|my|our] {key}|[|the|my] {key} equals {value}|[|the|my] {key} will be {value}|{key} has [the value|changed to] {value}|{key} -> {value}|{key} has to be {value}"
)
_WRITE = (
    "<wr> {np} <to> {path}|<wr> {np} <to> {path}|write {np} <to> {path}|[create|make] [a file|the file|a new file|a text file|] [called|named|] {path} [with|containing|that contains|holding|saying|that says|that has] [the text|the content|] {np}"
    "|write [the file|to|in|into|a file|] {path}: {np}|set the [content|contents|text] of {path} to {np}|[in|into|to] {path} <wr> {np}|[have|make] {path} [contain|hold|say] {np}|create {path} from {np}"
    "|<wr> [the following|this] <to> {path}: {np}|produce a file {path} with {np}|start a file {path} with {np}|[make|generate] {path} with {np}|<wr> {np} <to> {path} as text"
)
_KEEP = "<put2> <it> <under> {key}|<put2> <it> <under> {key}|set {key} to <it>|call it {key}|let {key} be <it>|use <it> as {key}|<put2> <it> in memory as {key}|assign <it> to {key}"
_FILE_IT = "<wr> <it> <to> {path}|<wr> <it> <to> {path}|create {path} with <it>|<wr> <it> <to> {path}|make a file {path} with <it>|put <it> into {path}"
_TELL_IT = "[|||, <then> <tell> <it>| <then> <tell> <it>| and give me <it>| and tell me <it>| and tell me how much it is| and tell me what you get| and show <it>]"
_LOOK = "<lookup> [|the value of|the stored|the value under|the|my] {key} [|in memory|from memory|in your memory]"
_READ = "<take> [the file|the text of|the contents of|the text from|what is in|] {path}|open [the file|] {path}|load [the file|] {path}"

_FIXED: tuple[tuple[str, str, str], ...] = (
    ("store", "order", _STORE.replace("{np}", _LITERAL)),
    ("store", "order", "<put> {value} <under> {key}|<put2> {value} <under> {key}"),
    ("store", "statement", _STATE),
    ("recall", "question", f"<ask> [{_BARE}]|<ask> [{_BARE}]|<ask> {{key}}|what's my {{key}}|which value [has|does] {{key}} [have|]|what did I [say|tell you|store|save|note] [about|for|as|under] [the|] {{key}}"
        "|do you [know|remember|recall|have] [the|my|our|the value of|] {key}|what [do you have|do you remember|is stored|is saved|was saved|is there|did you save|did you store|have you stored] [for|under|as|about] {key}|{key}|what value is under {key}"
        "|what was [|the|my|our] {key} again|do you still know [|the|my] {key}|[|the|my] {key} is what|can you tell me [|the|my|the value of] {key}"),
    ("recall", "order", f"<tell> [{_BARE}]|<lookup> [{_BARE}]|<tell> what [|the|my] {{key}} is|recall {{key}}|look up {{key}}|look {{key}} up [in memory|]|remind me of [|the|my] {{key}}|remind me what [|the|my] {{key}} is|{_LOOK} and <tell> [it|the value|what it says|what you find]"),
    ("forget", "order", "<drop> [|about|the key|the value of|the entry|what you know about|the value under|my|the|everything about|whatever is under] {key} [|from memory|from your memory|in memory]|<drop> {key}|<drop> {key}|I no longer need {key}|I do not need {key} any more|stop remembering {key}|take {key} out of memory|you can [forget|delete|drop] {key}|do not [remember|keep] {key} any longer|make sure {key} is gone"),
    ("forget", "statement", "{key} can [go|be deleted|be forgotten|be removed]|{key} is no longer [needed|used|valid]|{key} should be [forgotten|deleted|erased|removed]"),
    ("keys", "order", f"list [|all|all the|the|your|my] [memory|stored|saved|] [keys|names|entries]|<tell> [{_KEYS}]|<show> [{_KEYS}]|[list|show|show me|print] [everything|all|what is] in [|your|the] memory|list [|your|the] memory|list what you [know|remember|have stored]|name [all|the|your] keys|<tell> what you [remember|know|have in memory]|enumerate the keys"),
    ("keys", "question", "what keys [are there|do you have|are stored|are in memory|exist|do you know]|what do you [remember|know|have in memory|have stored]|what is [stored|saved|] in [|your|the] memory|which [keys|names] [are there|do you have|are stored|do you know|exist]|what have you [stored|saved|remembered]|what are [the|your] [keys|memory keys]|keys|what [things|entries|values] are [stored|saved|in memory]|is anything in memory"),
    ("write", "order", _WRITE.replace("{np}", "{text}")),
    ("write", "order", "<wr> {text} <to> {path}|write {text} <to> {path}"),
    ("read", "order", f"<show> [{_FILE}]|<show> {{path}}|<tell> [{_FILE}]|[{_READ}] and <tell> [it|the text|what it says|what is in it|the content|the contents]|<tell> what [is in|is written in|it says in] [the file|] {{path}}|read [the file|file|] {{path}} [aloud|to me|]"),
    ("read", "question", f"<ask> [{_FILE}]|what [is|is written|stands] in [the file|file|] {{path}}|what does [the file|file|] {{path}} [say|contain|hold|have in it]|what's in [the file|] {{path}}|can you [read|open|show me] [the file|] {{path}}|{{path}}|what are the contents of [the file|] {{path}}|do you have [the text of|] {{path}}"),
    ("files", "order", f"list [|all|all the|the|your|my] [files|file names]|<tell> [{_FILES}]|<show> [{_FILES}]|[show|show me|print] [all|all the|my|the] files|ls|dir|list the [directory|folder]|list what files you have|name [all|the|my] files|<tell> which files [exist|are there|you have]"),
    ("files", "question", "what files [are there|exist|do I have|do you have|have we got|are stored]|which files [are there|exist|do I have|do you have|are stored]|what are [the|my] [files|file names]|what is in [the|my] [directory|folder]|files|are there [any|] files|what files have [I|you|we] [written|saved]"),
    ("time", "order", f"<tell> [{_TIME}]|<tell> [{_TIME}]|check the [time|clock|date]|look at the clock|read the clock|<tell> what [day|date] it is|time|<tell> how late it is|[look up|check] what time it is"),
    ("time", "question", "what time is it [|now|right now|today]|what's the [time|date|current time|date today]|what is the [time|date|current time|current date|time now]|what [date|day] is [it|today|it today]|time|what is today's date|what does the clock [say|show]|do you [have|know] the time|can you tell me the [time|date]|what day do we have|current time|what is today|how late is it"),
    ("time_store", "order", f"<time> [then] [{_KEEP}]"),
    ("recall_write", "order", f"{_LOOK} <then> [{_FILE_IT}]|[copy|export|dump|move|transfer] [{_BARE}] <to> {{path}}|[export|back up|dump] {{key}} [as|to|into] {{path}}|copy {{key}} from memory <to> {{path}}"),
    ("read_store", "order", f"[{_READ}] <then> [{_KEEP}]|[copy|import|load] [{_FILE}] [to|into|as|under|into memory as|to memory under] {{key}}|read {{path}} into {{key}}|load {{key}} from [the file|] {{path}}|set {{key}} from {{path}}"),
    ("recall_store", "order", f"{_LOOK} <then> [{_KEEP}]|[copy|duplicate] {{key}} [to|as|into|under] {{key2}}|copy [{_RECALL}] [to|as|into|under] {{key2}}".replace("{key}", "{k}")),
    ("read_write", "order", f"[{_READ}] <then> [{_FILE_IT}]|[copy|duplicate] [|the file|the text of] {{path}} [to|into|as] [|the file|a file called] {{path2}}|[copy|duplicate] {{path}} [to|as] {{path2}}"),
    ("rename", "order", "rename [|the key] {key} [to|as|into] {key2}|move {key} [to|over to|under] {key2}|change the [name|key] of {key} to {key2}|call {key} {key2} from now on|rename the key {key}, [make it|call it] {key2}|move the value of {key} to {key2}"),
    ("update+", "order", "[increase|raise|bump] [|the|my] {key} by {n}|add {n} to {key} and <put2> [it|the result] [again|back|under the same name|in place]|[raise|increase] [|the|my] {key} [in memory|] by {n}|update {key} by adding {n}|make {key} {n} [bigger|larger|higher|more]|increment {key} by {n}|{key} += {n}"),
    ("update-", "order", "[decrease|reduce|lower] [|the|my] {key} by {n}|subtract {n} from {key} and <put2> [it|the result] [again|back|under the same name|in place]|update {key} by subtracting {n}|make {key} {n} [smaller|lower|less]|decrement {key} by {n}|{key} -= {n}"),
    ("unknown", "order", "[book|find|buy|order|reserve] [a flight|a hotel|a table|tickets|a taxi] [|to|for|in] {word}|[write|compose] [a|me a] [poem|song|story|essay] about {word}|translate {text} [to|into] [french|german|spanish]|send [a mail|an email|a message] to {word}|play [some music|a song]|[search|browse] the [web|internet] for {text}|[draw|paint] [a picture of|] {word}|call {word}|tell me a joke|explain {word}|turn on the {word}|what is the weather in {word}|who is {text}|[show|tell] me the news|download {text}|run the {word}|train a {word}|drive to {word}|cook {word}"),
    ("greet", "question", "[hello|hi|hey|good morning|good evening|hello there|hi there|good day|hallo|howdy] [|agent|you|there|friend]"),
    ("thank", "question", "[thanks|thank you|thanks a lot|thank you very much|great|well done|nice|perfect|cheers|good job] [|agent|a lot|so much]"),
    ("about", "question", "[who|what] are you|what can you do|what [do you do|are you for|can I ask you]|help|what is your name|how can you help me|introduce yourself|tell me about yourself|are you an AI"),
)  # fmt: skip


def _over(phrases: str, x: str, y: str) -> str:
    return phrases.replace("{x}", x).replace("{y}", y)


def _frames(
    kind: str, expression: str, nouns: str, orders: str, third: bool = False
) -> Iterable[Production]:
    """Everything that can be done with one computed value."""

    def production(suffix: str, mood: str, text: str) -> Production:
        return Production(kind=kind + suffix, expression=expression, mood=mood, text=f"[{text}]")

    np, keep, file = f"[{nouns}]", _KEEP, _FILE_IT
    store = _STORE
    if kind != "compute":
        keep, store = keep.replace("{key}", "{target}"), store.replace("{key}", "{target}")
    yield production("", "order", f"{_ASK_ORDER.replace('{np}', np)}")
    yield production("", "question", f"{_ASK_QUESTION.replace('{np}', np)}")
    yield production("_store", "order", store.replace("{np}", np))
    yield production("_store", "order", f"<calc> {np} <then> [{keep}]")
    yield production("_write", "order", _WRITE.replace("{np}", np))
    yield production("_write", "order", f"<calc> {np} <then> [{file}]")
    yield production("_store_write", "order", f"<calc> {np}, [{keep}] <then> [{file}]")
    if orders:
        yield production("", "order", f"[{orders}] {_TELL_IT}")
        yield production("_store", "order", f"[{orders}] <then> [{keep}]")
        yield production("_write", "order", f"[{orders}] <then> [{file}]")


def _productions() -> Iterable[Production]:
    infix = {"+": "plus|+|plus", "-": "minus|-|minus", "*": "times|*|times|x", "/": "divided by|/"}
    then = {
        "+": "add {n} [|to it|to that|to the result]|plus {n}",
        "-": "subtract {n} [|from it|from that|from the result]|take away {n}|minus {n}",
        "*": "multiply [it|that|the result|] [by|with] {n}|times {n}",
        "/": "divide [it|that|the result|] by {n}",
    }
    for pattern, (nouns, orders) in _OPERATIONS.items():
        expression = _over(pattern, "{a}", "{b}")
        yield from _frames("compute", expression, *(_over(p, "{a}", "{b}") for p in (nouns, orders)))
        bare = f"[{_BARE}]"
        if pattern != "{x} * {x}":
            orders += f"|{_LOOK} <then> [{then[pattern[4]].replace('{n}', '{y}')}]" if "{y}" in pattern else ""
            nouns += "|{y} times {x}|{y} times as much as {x}" if pattern == "{x} * {y}" else ""
            yield from _frames("recall_compute", _over(pattern, "{0}", "{n}"), _over(nouns, bare, "{n}"), _over(orders, bare, "{n}"))
        if "{y}" in pattern:
            second = f"[{_SECOND}]"
            both = f"|{_LOOK} and {{key2}} <then> [add them|add them up|sum them|sum both]" if "+" in pattern else ""
            yield from _frames("recall_two", _over(pattern, "{0}", "{1}"), _over(nouns, bare, second), _over(orders, bare, second) + both)
    yield from _frames("compute", "{a} * {b} / 100", _over(_PERCENT, "{a}", "{b}"), "")
    yield from _frames("compute", "({a} + {b}) / 2", _over(_AVERAGE, "{a}", "{b}"), "")
    yield from _frames("recall_compute", "{0} * {n} / 100", _over(_PERCENT, f"[{_BARE}]", "{n}"), "")
    yield from _frames(
        "compute", "{a} + {b} + {c}",
        "the [sum|total] of {a}, {b} and {c}|the [sum|total] of {a} and {b} and {c}|{a} and {b} and {c} [added|summed|taken] together|{a}, {b} and {c} [added up|together|in total]|{a}+{b}+{c}|{a} + {b} + {c}",
        "add {a}, {b} and {c}|add up {a}, {b} and {c}|sum {a}, {b} and {c}|add {a} and {b} and {c}|total {a}, {b} and {c}|add up these numbers: {a}, {b}, {c}",
    )  # fmt: skip
    yield from _frames("compute", "{a} * {b} * {c}", "the product of {a}, {b} and {c}", "multiply {a}, {b} and {c}|multiply {a} by {b} and by {c}")
    for one, words in infix.items():
        for two, more in infix.items():
            yield from _frames("compute", f"{{a}} {one} {{b}} {two} {{c}}", f"{{a}} [{words}] {{b}} [{more}] {{c}}", "")
            inner = _over(_OPERATIONS[f"{{x}} {one} {{y}}"][1], "{a}", "{b}")
            outer = then[two].replace("{n}", "{c}")
            grouped = "" if one in "*/" else f"({{a}} {one} {{b}}) {two} {{c}}|({{a}}{one}{{b}}){two}{{c}}|the result of {{a}} [{words}] {{b}}, [{more}] {{c}}"
            expression = f"({{a}} {one} {{b}}) {two} {{c}}"
            yield from _frames("compute", expression, grouped or f"({{a}} {one} {{b}}) {two} {{c}}", f"[{inner}] <then> [{outer}]")
    for kind, mood, text in _FIXED:
        if kind == "time_store":
            text = f"<lookup> [{_TIME}] <then> [{_KEEP}]|[check|look at] the clock <then> [{_KEEP}]"
        if kind == "recall_store":
            text = text.replace("{key}", "{key2}").replace("{k}", "{key}")
            text = f"{_LOOK} <then> [{_KEEP.replace('{key}', '{key2}')}]|[copy|duplicate] {{key}} [to|as|into|under] {{key2}}|copy [{_RECALL}] [to|as|into|under] {{key2}}"
        if kind == "read_write":
            text = f"[{_READ}] <then> [{_FILE_IT.replace('{path}', '{path2}')}]|[copy|duplicate] [|the file|the text of] {{path}} [to|into|as] [|the file|a file called] {{path2}}"
        yield Production(kind=kind, expression="", mood=mood, text=f"[{text}]")
    flows = (
        ("time_store", _STORE, _TIME), ("keys_store", _STORE, _KEYS), ("files_write", _WRITE, _FILES),
        ("read_store", _STORE, _FILE), ("recall_write", _WRITE, _RECALL),
        ("recall_store", _STORE.replace("{key}", "{key2}"), _RECALL),
        ("read_write", _WRITE.replace("{path}", "{path2}"), _FILE.replace("|[the file|file|] {path}", "|the file {path}")),
        # the pairs below are held out: only tests draw from them
        ("time_write", _WRITE, _TIME), ("keys_write", _WRITE, _KEYS), ("files_store", _STORE, _FILES),
    )  # fmt: skip
    for kind, frame, source in flows:
        yield Production(kind=kind, expression="", mood="order", text=f"[{frame.replace('{np}', f'[{source}]')}]")
    file = f"[{_FILE.replace('|[the file|file|] {path}', '')}|the number in {{path}}]"
    for pattern in ("{x} + {y}", "{x} - {y}", "{x} * {y}", "{x} / {y}"):
        nouns, orders = (_over(p, file, "{n}") for p in _OPERATIONS[pattern])
        text = _ASK_ORDER.replace("{np}", f"[{nouns}]")
        yield Production(kind="read_compute", expression=_over(pattern, "{0}", "{n}"), mood="order", text=f"[{text}|[{orders}] {_TELL_IT}]")


PRODUCTIONS: tuple[Production, ...] = tuple(_productions())
