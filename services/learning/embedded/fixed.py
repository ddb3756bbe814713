"""Requests that are no noun phrase in a frame: kind, mood, and wording for `Grammar`.

Interface:
    FIXED       all of them
"""

from __future__ import annotations

from .frames import LOOK, READ, STATE, STORE, WRITE
from .nouns import BARE, FILE, FILES, KEYS, TIME

__all__ = ["FIXED"]

FIXED: tuple[tuple[str, str, str], ...] = (
    ("store", "order", STORE.replace("{np}", "{value}")),
    ("store", "order", "<put> {value} <under> {key}|<put2> {value} <under> {key}"),
    ("store", "statement", STATE),
    (
        "recall",
        "question",
        f"<ask> [{BARE}]|<ask> [{BARE}]|<ask> {{key}}|what's my {{key}}|which value [has"
        f"|does] {{key}} [have|]|what did I [say|tell you|store|save|note] [about|for|as"
        f"|under] [the|] {{key}}"
        "|do you [know|remember|recall|have] [the|my|our|the value of|] {key}|what [do you have"
        "|do you remember|is stored|is saved|was saved|is there|did you save|did you store"
        "|have you stored] [for|under|as|about] {key}|{key}|what value is under {key}"
        "|what was [|the|my|our] {key} again|do you still know [|the|my] {key}|[|the"
        "|my] {key} is what|can you tell me [|the|my|the value of] {key}|what about [|the"
        "|my] {key}|any value for {key}|what is [|the|my] {key} [again|set to|now|currently"
        "|at the moment]|which {key} did I give you|what did you [remember|keep|save|note] [for"
        "|under|as|about] {key}|what value does {key} have|do you still have {key}"
        "|is there a value for {key}|is there anything [for|under|about] {key}"
        "|what was stored [as|under] {key}|value of {key}|current value of {key}"
        "|what did we set {key} to|what have I told you about {key}|how about {key}"
        "|what is it that I stored as {key}|what might [|the|my] {key} be|tell me, what is ["
        "|the|my] {key}|what does {key} stand for|what is [|the|my] {key}, do you remember"
        "|have you got {key}|would you have {key}|what is behind {key}|may I have {key}"
        "|could I have {key}|[|the|my] {key}, what is it|[|the|my] {key}, please"),
    (
        "recall",
        "order",
        f"<tell> [{BARE}]|<lookup> [{BARE}]|<tell> what [|the|my] {{key}} is|recall {{key}}"
        f"|look up {{key}}|look {{key}} up [in memory|]|remind me of [|the|my] {{key}}"
        f"|remind me what [|the|my] {{key}} is|{LOOK} and <tell> [it|the value|what it says"
        f"|what you find]|give me back {{key}}|I need {{key}} [again|back]"
        f"|<tell> again what {{key}} is|I have forgotten {{key}}"
        f"|I cannot remember {{key}}, <tell> it|I don't remember {{key}}"
        f"|search memory for {{key}}|look in memory for {{key}}|check memory for {{key}}|[bring"
        f"|pull] up {{key}}|say {{key}}|query {{key}}|I'd like to hear [|the|my] {{key}}"
        f"|see what is stored [under|as|for] {{key}}|go look for {{key}} in memory|repeat [|the"
        f"|my] {{key}}|dig up {{key}}|help me remember {{key}}|refresh my memory about {{key}}"
        f"|let me hear [|the|my] {{key}}|bring back {{key}}|quote {{key}}"),
    (
        "forget",
        "order",
        "<drop> [|about|the key|the value of|the entry|what you know about|the value under|my"
        "|the|everything about|whatever is under] {key} [|from memory|from your memory"
        "|in memory]|<drop> {key}|<drop> {key}|I no longer need {key}"
        "|I do not need {key} any more|stop remembering {key}|take {key} out of memory"
        "|you can [forget|delete|drop] {key}|do not [remember|keep] {key} any longer"
        "|make sure {key} is gone|{key}: delete [it|this|]|{key} must go|I want {key} gone"
        "|kick {key} out of memory|you need not keep {key}|there is no need for {key} [anymore"
        "|any more|]|erase all about {key}|clean {key} out of memory"
        "|<drop> what is stored [under|as|for] {key}|do away with {key}"
        "|{key} is obsolete, <drop> it|make {key} disappear|I don't need {key} [any more"
        "|anymore|any longer]|have {key} [deleted|removed|erased]|don't keep {key}|free ["
        "|the memory of] {key}|{key} is not [valid|right|current], <drop> it"
        "|make memory forget {key}|I'd like {key} [forgotten|deleted]|cancel {key}"
        "|<drop> the memory [of|about] {key}"),
    (
        "forget",
        "statement",
        "{key} can [go|be deleted|be forgotten|be removed]|{key} is no longer [needed|used"
        "|valid]|{key} should be [forgotten|deleted|erased|removed]|{key} may be [dropped"
        "|deleted]|{key} is obsolete|{key} has to go|nobody needs {key}|{key} is useless now"),
    (
        "keys",
        "order",
        f"list [|all|all the|the|your|my] [memory|stored|saved|] [keys|names|entries]"
        f"|<tell> [{KEYS}]|<show> [{KEYS}]|[list|show|show me|print] [everything|all"
        f"|what is] in [|your|the] memory|list [|your|the] memory|list what you [know|remember"
        f"|have stored]|name [all|the|your] keys|<tell> what you [remember|know|have in memory]"
        f"|enumerate the keys|show me your memory|give me an overview of [|the|your] memory"
        f"|<tell> everything [you remember|that you have stored|you know]|list the [stored"
        f"|remembered|saved] things|dump the memory keys|go through your memory"
        f"|<show> the memory|show all memories|list memories|list every [key|entry"
        f"|name] [in memory|]|let me see [what you remember|your memory|the keys]"),
    (
        "keys",
        "question",
        "what keys [are there|do you have|are stored|are in memory|exist|do you know]"
        "|what do you [remember|know|have in memory|have stored]|what is [stored|saved|] in ["
        "|your|the] memory|which [keys|names] [are there|do you have|are stored|do you know"
        "|exist]|what have you [stored|saved|remembered]|what are [the|your] [keys|memory keys]"
        "|keys|what [things|entries|values] are [stored|saved|in memory]|is anything in memory"
        "|which facts do you know|everything you remember|all that you know|which keys are set"
        "|memory contents|which names are in memory|what can you recall"
        "|do you remember anything|what did I ask you to [remember|keep|store]"
        "|what entries does memory have|what have I [stored|saved] in memory"
        "|what does your memory [hold|contain|look like]|which values do you keep"
        "|how does the memory look|what is there in memory|what all do you remember"
        "|what did you keep for me"),
    ("write", "order", WRITE.replace("{np}", "{text}")),
    ("write", "order", "<wr> {text} <to> {path}|write {text} <to> {path}"),
    (
        "read",
        "order",
        f"<show> [{FILE}]|<show> {{path}}|<tell> [{FILE}]|[{READ}] and <tell> [it|the text"
        f"|what it says|what is in it|the content|the contents]|<tell> what [is in"
        f"|is written in|it says in] [the file|] {{path}}|read [the file|file|] {{path}} [aloud"
        f"|to me|]|let me see [the file|] {{path}}|I'd like to [see|read] {{path}}"
        f"|I need [to read|to see|] the text of {{path}}|check what {{path}} says"
        f"|give me {{path}}|look [into|inside] [the file|] {{path}}|look at {{path}}"
        f"|inspect {{path}}|see what [is in|stands in|the file] {{path}} [says|]"
        f"|get the text of {{path}}|quote {{path}}|recite {{path}}"
        f"|open {{path}} and read it [to me|]"),
    (
        "read",
        "question",
        f"<ask> [{FILE}]|what [is|is written|stands] in [the file|file|] {{path}}"
        f"|what does [the file|file|] {{path}} [say|contain|hold|have in it]"
        f"|what's in [the file|] {{path}}|can you [read|open|show me] [the file|] {{path}}"
        f"|{{path}}|what are the contents of [the file|] {{path}}|do you have [the text of"
        f"|] {{path}}|what have I written [in|into] {{path}}|what did you put in {{path}}"
        f"|what stands in {{path}}|{{path}}, what does it say|what do we have in {{path}}"
        f"|could you look at {{path}}|content of {{path}}|what text is in {{path}}"
        f"|what was in {{path}} again|what does the text in {{path}} say|how does {{path}} read"
        f"|is there anything in {{path}}|what did you write [to|into] {{path}}"),
    (
        "files",
        "order",
        f"list [|all|all the|the|your|my] [files|file names]|<tell> [{FILES}]|<show> [{FILES}]"
        f"|[show|show me|print] [all|all the|my|the] files|ls|dir|list the [directory|folder]"
        f"|list what files you have|name [all|the|my] files|<tell> which files [exist|are there"
        f"|you have]|give me an overview of [|the|my] files|show my [folder|directory]"
        f"|list everything in the [folder|directory]|show everything in the directory"
        f"|let me see [the|my|all] files|list documents|enumerate [the|my|all] files"
        f"|go through the files|look which files there are"),
    (
        "files",
        "question",
        "what files [are there|exist|do I have|do you have|have we got|are stored]"
        "|which files [are there|exist|do I have|do you have|are stored]|what are [the"
        "|my] [files|file names]|what is in [the|my] [directory|folder]|files|are there [any"
        "|] files|what files have [I|you|we] [written|saved]|what have I written so far"
        "|which files have I [written|saved|created|got]|any files|file names"
        "|what documents are there|what is on disk|all files|what does my folder contain"
        "|what did I save to files|which documents do I have|what is the list of files"
        "|how many files are there and which|what files did [I|you|we] [create|make|write]"),
    (
        "time",
        "order",
        f"<tell> [{TIME}]|<tell> [{TIME}]|check the [time|clock|date]|look at the clock"
        f"|read the clock|<tell> what [day|date] it is|time|<tell> how late it is|[look up"
        f"|check] what time it is|<tell> the hour|tell me the day|let me know the date"
        f"|<tell> [the|today's] date and time|show the clock|give the time|look what time it is"
        f"|use the clock|see what day it is"),
    (
        "time",
        "question",
        "what time is it [|now|right now|today]|what's the [time|date|current time|date today]"
        "|what is the [time|date|current time|current date|time now]|what [date|day] is [it"
        "|today|it today]|time|what is today's date|what does the clock [say|show]|do you [have"
        "|know] the time|can you tell me the [time|date]|what day do we have|current time"
        "|what is today|how late is it|what hour is it|have you got the time"
        "|what's the date [today|now]|what day is it|which day is [it|today]|what does [my"
        "|your] clock say|date and time|do you know what time it is|current date and time"
        "|today's date|what time do we have|what date do we have|got the time|which date is it"
        "|what is the hour|what time is it by your clock|is it late already"),
    (
        "recall_write",
        "order",
        f"[copy|export|dump|move|transfer] [{BARE}] <to> {{path}}|[export|back up"
        f"|dump] {{key}} [as|to|into] {{path}}|copy {{key}} from memory <to> {{path}}"),
    (
        "read_store",
        "order",
        f"[copy|import|load] [{FILE}] [to|into|as|under|into memory as|to memory under] {{key}}"
        f"|read {{path}} into {{key}}|load {{key}} from [the file|] {{path}}"
        f"|set {{key}} from {{path}}"),
    (
        "rename",
        "order",
        "rename [|the key] {key} [to|as|into] {key2}|move {key} [to|over to|under] {key2}"
        "|change the [name|key] of {key} to {key2}|call {key} {key2} from now on"
        "|rename the key {key}, [make it|call it] {key2}|move the value of {key} to {key2}"),
    (
        "update+",
        "order",
        "[increase|raise|bump] [|the|my] {key} by {n}|add {n} to {key} and <put2> [it"
        "|the result] [again|back|under the same name|in place]|[raise|increase] [|the"
        "|my] {key} [in memory|] by {n}|update {key} by adding {n}|make {key} {n} [bigger"
        "|larger|higher|more]|increment {key} by {n}|{key} += {n}"),
    (
        "update-",
        "order",
        "[decrease|reduce|lower] [|the|my] {key} by {n}|subtract {n} from {key} and <put2> [it"
        "|the result] [again|back|under the same name|in place]|update {key} by subtracting {n}"
        "|make {key} {n} [smaller|lower|less]|decrement {key} by {n}|{key} -= {n}"),
    (
        "unknown",
        "order",
        "[book|find|buy|order|reserve] [a flight|a hotel|a table|tickets|a taxi] [|to|for"
        "|in] {word}|[write|compose] [a|me a] [poem|song|story|essay] about {word}"
        "|translate {text} [to|into] [french|german|spanish]|send [a mail|an email"
        "|a message] to {word}|play [some music|a song]|[search|browse] the [web"
        "|internet] for {text}|[draw|paint] [a picture of|] {word}|call {word}|tell me a joke"
        "|explain {word}|turn on the {word}|what is the weather in {word}|who is {text}|[show"
        "|tell] me the news|download {text}|run the {word}|train a {word}|drive to {word}"
        "|cook {word}"),
    (
        "greet",
        "question",
        "[hello|hi|hey|good morning|good evening|hello there|hi there|good day|hallo|howdy] ["
        "|agent|you|there|friend]"),
    (
        "thank",
        "question",
        "[thanks|thank you|thanks a lot|thank you very much|great|well done|nice|perfect|cheers"
        "|good job] [|agent|a lot|so much]"),
    (
        "about",
        "question",
        "[who|what] are you|what can you do|what [do you do|are you for|can I ask you]|help"
        "|what is your name|how can you help me|introduce yourself|tell me about yourself"
        "|are you an AI"),
)  # fmt: skip
