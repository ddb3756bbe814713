"""The training grammar's words: rules, affixes, noun phrases, frames and fixed requests.

A value can come from many sources (a literal, a sum, memory, a file, the clock) and go to many
places (the answer, memory, a file).  Sources are noun phrases, places are frames around them.
Everything is written in the language of `Grammar`; `phrasing` puts it together.

Interface:
    GRAMMAR, AFFIXES, JOINERS                       rules; what may stand around and between
    OPERATIONS, RECALL, BARE, OPERAND, FILE, TIME, KEYS, FILES, PERCENT, AVERAGE, SUM_OF_THREE    noun phrases
    ASK_ORDER, ASK_QUESTION, STORE, WRITE, KEEP, FILE_IT, TELL_IT, LOOK, READ     frames
    FIXED                                           kinds that are no product of the two
"""

# A row of these tables is one frame with all its wordings; people do type such signs.
# ruff: noqa: E501, RUF001

from __future__ import annotations

from collections.abc import Mapping

from .grammar import Grammar

GRAMMAR = Grammar(
    {
        "calc": "calculate|compute|work out|figure out|evaluate|determine|find|find out|solve"
        "|get|do",
        "tell": "tell me|give me|show me|let me know|say|I need|I want|I want to know|find"
        "|I would like to know|I'd like to know|get me|let me have|I have to know|I want to have|report|inform me about|I'd like to have|hand me",
        "ask": "what is|what's|whats|how much is|what would be|what was|what are|what will be|what might be|any idea what is",
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
        "|so|quickly|agent,|hi there, please|you must|okay, please|right,|try to|be so kind and|I'd be glad if you could|it would be nice if you could|next thing:|another thing:|my wish:|task:|also,|then|could you|would you kindly|I need to|I want to|we have to|time to|do me a favour and|um,|well,|alright,|good morning, please|make sure to|do not forget to|good,|listen,|your job:|your task is to|help me|help me to|I would be happy if you]",
        "[|||||please|thanks|thank you|for me|now|right now|for me please|, please|, thanks|ok"
        "|if you can|quickly|, ok|at once|. Thanks|. Thank you|when you can|, would you|, will you|, could you|, can you|, if possible|, thank you very much|. That is all|today|immediately|. Be quick|, my friend|and be quick|, it is important|. I need it|, agent|without asking]",
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

RECALL = (
    "the value of {key}|the [stored|saved|] value of [the key|the|] {key}|what is <stored> [under|as|for|in]"
    " {key}|the value <stored> [under|as|for|in] {key}|{key} from <mem>|the value [for|under|at] {key}"
    "|what you [have|know|<stored>] [for|under|as] {key}|the [<stored>|remembered] {key}"
    "|whatever is [|<stored>] under {key}|the content of {key}|the memory entry {key}"
    "|what {key} [holds|is|was]|what [is|you have] in memory [for|under] {key}|what you remember [as|for|about|under] {key}|the [saved|stored|remembered] value {key}|{key} as [<stored>|it is in memory]|the value that {key} has|what I [told you|gave you|<stored>] [for|as|under] {key}|what was <stored> [as|under|for] {key}"
)
BARE = f"{RECALL}|{{key}}|{{key}}|{{key}}|the {{key}}|my {{key}}|our {{key}}|the number {{key}}"
#: what is reckoned with
OPERAND = (
    "{key}|{key}|{key}|{key}|the value of {key}|the [stored|saved|] value {key}|the {key}|my {key}"
    "|our {key}|the number {key}|what is <stored> [under|as|for] {key}|{key} from <mem>"
    "|what you have [for|under] {key}|the <stored> {key}"
)
FILE = (
    "the [contents|content|text] of [the file|file|] {path}|what is in [the file|] {path}"
    "|what [the file|] {path} [contains|says|holds]|the text [in|from|inside] [the file|] {path}|what you find in {path}"
    "|the [line|value|entry] in [the file|] {path}|whatever is in {path}|what stands in {path}|the words in {path}|what was written to {path}|everything in {path}|what I wrote [in|into|to] {path}|[the file|file|] {path}"
)
TIME = (
    "the [current|present|exact|] [time|date|date and time|time and date]|the time [now|of now|right now]|what time it is"
    "|the time it is now|today's date|a [timestamp|time stamp]|the current timestamp|the clock time|the clock|the hour|the date of today|the day and time|today's date and time|now"
)
KEYS = (
    "[the|a] list of [the|all|your|] [memory|stored|] [keys|names]|[all|] the [memory|stored] [keys|names]"
    "|[the|all] keys in [|your|the] memory|the names of [all|the|] [stored|saved] [values|things|entries]|all keys"
    "|the key list|the list of everything in memory|what keys there are|what keys you have"
)
FILES = (
    "[the|a] list of [the|all|my|] [files|file names]|[all|] the [file names|files there are]|the names of [the|all|my] files"
    "|the file list|the [directory|folder] listing|what files [there are|exist|you have]"
    "|all file names"
)
#: operators: noun phrases over x and y, then orders
OPERATIONS: Mapping[str, tuple[str, str]] = {
    "{x} + {y}": (
        "{x} plus {y}|{x} plus {y}|{x} + {y}|{x} + {y}|{x}+{y}|the [sum|total] of {x} and {y}|{x} and {y} [added|summed|taken|put] together"
        "|{y} more than {x}|{x} increased by {y}|the result of adding {y} to {x}|the [sum|total] of {x} plus {y}|{x} with {y} added"
        "|{x} and {y} [combined|in total]|the result of {x} plus {y}|{x} and {y} more|{y} on top of {x}|{x} with {y} more|{y} added to {x}|{x} raised by {y}|{x} together with {y}|all of {x} and {y}|what {x} and {y} [make|give]",
        "add {x} and {y}|add {y} to {x}|add {y} to {x}|sum {x} and {y}|add together {x} and {y}|add up {x} and {y}"
        "|take {x} and add {y}|total {x} and {y}|combine {x} and {y}|increase {x} by {y}|start with {x} and add {y}|start from {x} and add {y}|put {y} on top of {x}|to {x} add {y}|raise {x} by {y}|take {x}, add {y}|add {y} more to {x}|bring {x} and {y} together|use {x} and {y}, add them|count {x} and {y} together",
    ),
    "{x} - {y}": (
        "{x} minus {y}|{x} minus {y}|{x} - {y}|{x} - {y}|{x}-{y}|the difference [between|of] {x} and {y}|{x} [reduced|decreased|lowered] by {y}"
        "|{y} [less|fewer] than {x}|{x} less {y}|{x} without {y}|{x} take away {y}|the result of [subtracting|deducting|taking] {y} from {x}"
        "|what remains of {x} [after|without] {y}|{x} with {y} [subtracted|taken away|taken off]|the result of {x} minus {y}|what is left of {x} without {y}|{x} after taking away {y}|{x} lowered by {y}|{y} subtracted from {x}|{y} taken from {x}|the rest of {x} after {y}|how much more {x} is than {y}|{x} with {y} less",
        "subtract {y} from {x}|subtract {y} from {x}|take {y} [away|off] from {x}|take {y} from {x}|deduct {y} from {x}|take {x} and subtract {y}"
        "|decrease {x} by {y}|reduce {x} by {y}|remove {y} from the number {x}|take {x} minus {y}|begin with {x} and subtract {y}|from {x} [take|subtract|deduct] {y}|start with {x} and take away {y}|lower {x} by {y}|take {x}, subtract {y}|remove {y} from {x}|use {x}, minus {y}",
    ),
    "{x} * {y}": (
        "{x} times {y}|{x} times {y}|{x} * {y}|{x} * {y}|{x}*{y}|{x} x {y}|{x} × {y}|{x} multiplied [by|with] {y}|the [product|multiplication] of {x} and {y}"
        "|the [total|result|product] of {x} times {y}|the result of multiplying {x} [by|with|and] {y}|{y} lots of {x}|{x} multiplied {y} times|{x} by {y}|{x}, {y} times|{x} taken {y} times|{x} [times|multiplied by] the number {y}|{x} and {y} multiplied|the factor {y} on {x}",
        "multiply {x} [by|by|with|and|times] {y}|take {x} [times {y}|and multiply [it|] by {y}]|times {x} by {y}|take the product of {x} and {y}|take {x}, multiply [it|] by {y}|start with {x} and multiply by {y}|scale {x} by {y}|take {x} [|and take it] {y} times|multiply the numbers {x} and {y}|use {x} and {y}, multiply them",
    ),
    "{x} / {y}": (
        "{x} divided by {y}|{x} divided by {y}|{x} / {y}|{x}/{y}|{x} over {y}|{x} ÷ {y}|the [quotient|division|ratio] of {x} and {y}|{x} [split|shared] [by|among|between|into] {y}"
        "|the result of dividing {x} [by|into] {y}|the result of {x} divided by {y}|{x} shared equally [by|among] {y}|each part of {x} in {y} parts|{x} cut into {y} [equal|] parts|how often {y} goes into {x}|{x} per {y}|{x} in {y} [equal|] parts",
        "divide {x} by {y}|divide {x} by {y}|split {x} [by|into|among|between] {y}|take {x} and divide [it|] by {y}|share {x} [among|between] {y}|divide {x} into {y} [equal|] parts|take {x}, divide [it|] by {y}|start with {x} and divide by {y}|break {x} into {y} parts|distribute {x} over {y}|cut {x} into {y} [equal|] parts",
    ),
    "{x} * 2": (
        "double {x}|twice {x}|{x} doubled|two times {x}|the double of {x}|twice as much as {x}|{x} times two|{x}, two times|{x} twice|double of {x}|the doubled {x}|2 times {x}",
        "double {x}|multiply {x} by two|take {x} and double it|take {x} twice|double the number {x}",
    ),
    "{x} / 2": (
        "half of {x}|half {x}|{x} halved|the half of {x}|half as much as {x}|{x} divided by two|{x} in half|one half of {x}|{x}, half of it|50 percent of {x}|one of two parts of {x}|the halved {x}",
        "halve {x}|divide {x} by two|take half of {x}|split {x} in half|cut {x} in half|take {x} and halve it|split {x} in two",
    ),
    "{x} * 3": ("triple {x}|three times {x}|{x} tripled|{x} times three", "triple {x}|multiply {x} by three"),
    "{x} * {x}": ("{x} squared|the square of {x}|{x} times itself", "square {x}|multiply {x} [by|with] itself"),
}  # fmt: skip
PERCENT = "{y} percent of {x}|{y}% of {x}|{y} per cent of {x}|a {y}% share of {x}|{y} % of {x}"
SUM_OF_THREE = (
    "the [sum|total] of {a}, {b} and {c}|the [sum|total] of {a} and {b} and {c}|{a} and {b} and {c} [added|summed|taken] together"
    "|{a}, {b} and {c} [added up|together|in total|combined]|{a}+{b}+{c}|{a} + {b} + {c}|{a} plus {b} plus {c}|the [sum|total] of {a}, {b}, {c}"
    "|the sum of {a} plus {b} plus {c}|the three numbers {a}, {b} and {c} together|the sum of the numbers {a}, {b} and {c}|the sum of {a}, {b}, and {c}",
    "add {a}, {b} and {c}|add up {a}, {b} and {c}|sum {a}, {b} and {c}|add {a} and {b} and {c}|total {a}, {b} and {c}|add up these numbers: {a}, {b}, {c}"
    "|add {a} to {b} and {c}|add {a}, {b}, {c}|take {a}, {b} and {c} and add them [up|]|add together {a}, {b} and {c}|sum the numbers {a}, {b} and {c}|combine {a}, {b} and {c}",
)
AVERAGE = "the [average|mean] of {x} and {y}|the average between {x} and {y}"

ASK_ORDER = (
    "[<calc>|<tell>] {np}|<tell> [what|how much] {np} [is|equals|makes|gives]|<calc> {np} and <tell> [it|the result|the answer]"
    "|<calc> the result of {np}|<calc> [how much|what] {np} is|<tell> the result of {np}|[need|I need] the result of {np}|<calc> this: {np}|<calc> {np} and [report back|give me the number|print it]|run the numbers on {np}|let me see {np}|I want [|to have] the value of {np}|use the calculator [for|on|to get] {np}|give me the answer to {np}|<tell> the answer: {np}|help me with {np}|I am looking for {np}|do the math: {np}|do this sum: {np}"
)
ASK_QUESTION = (
    "<ask> {np}|<ask> {np}|<ask> {np}|[what|how much] [does|do|is|would] {np} [equal|make|give|come to|get you]"
    "|{np}|{np} =|{np} equals|{np} is [what|how much]|do you know {np}|can you tell me {np}|how much [does|will] {np} make|[what|how much] {np} is"
    "|what do you get for {np}|could you tell me {np}|what number is {np}|how many is {np}|what is the result of {np}|what's the answer to {np}|{np}, what is that|{np}, how much is that|{np}, what does that give|{np}, what is the result|{np} makes what|{np} gives|{np} comes to what|what {np} is|so {np} is|what number do I get for {np}|can I have {np}|could I get {np}|any idea what {np} is|how big is {np}|what comes out of {np}|what results from {np}|what does {np} come out at|what do we get for {np}|is it clear what {np} is|what will {np} be|what would {np} be|how large is {np}|how much would {np} be|what is the value of {np}|do you happen to know {np}|would you know {np}"
)
STORE = (
    "<put> {np} <under> {key}|<put> {np} <under> {key}|<put2> {np} <under> {key}|set {key} to {np}|set {key} to {np}|set {key} = {np}|let {key} be {np}|make {key} {np}|make {np} the {key}"
    "|<put2> [|that] {key} [is|=|equals] {np}|remember that [|the|my|our] {key} is {np}|remember that [|the|my|our] {key} is {np}|remember [|the|my|our] {key} is {np}|remember {key}: {np}|remember {key} = {np}|<put2> [in memory|in your memory] that [|my|the] {key} is {np}"
    "|<put2> {key} as {np}|<put2> {key} [=|:|with the value|with] {np}|assign {np} to {key}|give {key} the value {np}|[put|keep|hold] {np} [in|in memory under] {key}"
    "|[change|update] {key} to {np}|[use|take] {np} [as|for] [the|] {key}|bind {key} to {np}|under {key}, <put2> {np}|[define|register] {key} as {np}|<put2> the following <under> {key}: {np}|<put2> in memory [|under] {key}: {np}|I want [|the|my] {key} to be {np}|I'd like {key} to be {np}|make sure [|the] {key} is {np}|let's say {key} is {np}|keep in mind [that|: |] [my|the|our|] {key} is {np}|do not forget [that|: |] [my|the|] {key} is {np}|don't forget [that|: |] [my|the|] {key} is {np}|never forget that {key} is {np}|write down that [my|the|] {key} is {np}|I need you to remember {key}: {np}|{np} is what I want stored [as|under] {key}|put {np} down as {key}|save this: {key} = {np}|keep {key} at {np}|have {key} set to {np}|for {key} use {np}|for {key}, <put2> {np}|in memory, <put2> {np} <under> {key}|[create|make|open] [an entry|a key|an entry called|a key named] {key} with [the value|] {np}|add [a memory|an entry|a note]: {key} is {np}|take note: {key} is {np}|<put2> {np} for me <under> {key}|<put2> {np} for later <under> {key}|I want you to know that [my|the|] {key} is {np}|I will need {np} later, call it {key}|<put2> {np}, [name|call] it {key}|<put2> {np} and call it {key}|<put2> {np} with {key} as [the name|its name|the key]|{np} is to be <stored> <under> {key}|I want {np} <stored> <under> {key}|I'd like {np} <stored> <under> {key}|<put2> under {key} [the value|] {np}|label {np} as {key}|memory [entry|]: {key} = {np}|let {np} be known as {key}|have memory hold {np} <under> {key}|[there is|here is|I have] {np}, <put2> <it> <under> {key}|<ask> {np}? <put2> <it> <under> {key}|turn {key} into {np}|key {key}, value {np}|use {key} for {np}|name {np} {key}"
)
STATE = (
    "{key} is {value}|{key} is {value}|{key} = {value}|{key}={value}|{key}: {value}|[my|the|our|her|his] {key} is {value}|[my|the|our] {key} is {value}|the value of {key} is {value}"
    "|[|my|the] {key} is now {value}|{value} is [the|my|our] {key}|[|the|my] {key} equals {value}|[|the|my] {key} will be {value}|{key} has [the value|changed to] {value}|{key} -> {value}|{key} has to be {value}|the new {key} is {value}|{key} now holds {value}|as for {key}, it is {value}|my {key} changed to {value}|{key}, that is {value}|new value for {key}: {value}|{key} shall be {value}|{key} stands for {value}|{key} means {value}|[my|the|] {key} was {value}|they say {key} is {value}|[my|the|our] {key} is called {value}|[my|the|] {key}: {value}|it is {value}, the {key}|[my|the] {key} would be {value}|{value} is now [the|my] {key}|I have {value} as [|my] {key}|{key} must be {value}"
)
WRITE = (
    "<wr> {np} <to> {path}|<wr> {np} <to> {path}|write {np} <to> {path}|[create|make] [a file|the file|a new file|a text file|] [called|named|] {path} [with|containing|that contains|holding|saying|that says|that has] [the text|the content|] {np}"
    "|write [the file|to|in|into|a file|] {path}: {np}|set the [content|contents|text] of {path} to {np}|[in|into|to] {path} <wr> {np}|[have|make] {path} [contain|hold|say] {np}|create {path} from {np}"
    "|<wr> [the following|this] <to> {path}: {np}|produce a file {path} with {np}|start a file {path} with {np}|[make|generate] {path} with {np}|<wr> {np} <to> {path} as text|new file {path}: {np}|{path} shall [contain|hold|say] {np}|I want [a file|the file|] {path} with {np}|I'd like a file [named|called|] {path} [with|containing] {np}|there should be a file {path} with {np}|note {np} in {path}|type {np} into {path}|[the file|] {path} must [contain|say|hold] {np}|<wr> <to> {path} the text {np}|{np} goes into {path}|{np} should go [to|into] [the file|] {path}|for {path}: {np}|make sure {path} [says|contains|holds] {np}|overwrite {path} with {np}|replace the content of {path} [by|with] {np}|I want {np} [written|saved|put] [to|in|into] [|the file|a file] {path}|[make|open|create] a file, {path}, [and|with] [put|write] {np} [in it|into it]|<wr> {np}, the file is {path}|<wr> {np} and call the file {path}|file {path}, text {np}|<ask> {np}? <wr> <it> <to> {path}|get {np} [into|onto] {path}|<wr> {np} for me <to> {path}|the text of {path} is to be {np}"
)
KEEP = "<put2> <it> <under> {key}|<put2> <it> <under> {key}|set {key} to <it>|call it {key}|let {key} be <it>|use <it> as {key}|<put2> <it> in memory as {key}|assign <it> to {key}|name <it> {key}|make <it> the {key}|<it> is the {key}|<put2> <it> for later <under> {key}|let <it> be {key}|<put2> <it> for me <under> {key}|that is {key}|have {key} hold <it>|give <it> the name {key}"
FILE_IT = "<wr> <it> <to> {path}|<wr> <it> <to> {path}|create {path} with <it>|<wr> <it> <to> {path}|make a file {path} with <it>|put <it> into {path}|let {path} hold <it>|call the file {path}|type <it> into {path}|have <it> in {path}|<it> goes into {path}|<wr> <it> for me <to> {path}"
TELL_IT = "[|||, <then> <tell> <it>| <then> <tell> <it>| and give me <it>| and tell me <it>| and tell me how much it is| and tell me what you get| and show <it>]"
LOOK = "<lookup> [|the value of|the stored|the value under|the|my] {key} [|in memory|from memory|in your memory]"
READ = "<take> [the file|the text of|the contents of|the text from|what is in|] {path}|open [the file|] {path}|load [the file|] {path}"

FIXED: tuple[tuple[str, str, str], ...] = (
    ("store", "order", STORE.replace("{np}", "{value}")),
    ("store", "order", "<put> {value} <under> {key}|<put2> {value} <under> {key}"),
    ("store", "statement", STATE),
    ("recall", "question", f"<ask> [{BARE}]|<ask> [{BARE}]|<ask> {{key}}|what's my {{key}}|which value [has|does] {{key}} [have|]|what did I [say|tell you|store|save|note] [about|for|as|under] [the|] {{key}}"
        "|do you [know|remember|recall|have] [the|my|our|the value of|] {key}|what [do you have|do you remember|is stored|is saved|was saved|is there|did you save|did you store|have you stored] [for|under|as|about] {key}|{key}|what value is under {key}"
        "|what was [|the|my|our] {key} again|do you still know [|the|my] {key}|[|the|my] {key} is what|can you tell me [|the|my|the value of] {key}|what about [|the|my] {key}|any value for {key}|what is [|the|my] {key} [again|set to|now|currently|at the moment]|which {key} did I give you|what did you [remember|keep|save|note] [for|under|as|about] {key}|what value does {key} have|do you still have {key}|is there a value for {key}|is there anything [for|under|about] {key}|what was stored [as|under] {key}|value of {key}|current value of {key}|what did we set {key} to|what have I told you about {key}|how about {key}|what is it that I stored as {key}|what might [|the|my] {key} be|tell me, what is [|the|my] {key}|what does {key} stand for|what is [|the|my] {key}, do you remember|have you got {key}|would you have {key}|what is behind {key}|may I have {key}|could I have {key}|[|the|my] {key}, what is it|[|the|my] {key}, please"),
    ("recall", "order", f"<tell> [{BARE}]|<lookup> [{BARE}]|<tell> what [|the|my] {{key}} is|recall {{key}}|look up {{key}}|look {{key}} up [in memory|]|remind me of [|the|my] {{key}}|remind me what [|the|my] {{key}} is|{LOOK} and <tell> [it|the value|what it says|what you find]|give me back {{key}}|I need {{key}} [again|back]|<tell> again what {{key}} is|I have forgotten {{key}}|I cannot remember {{key}}, <tell> it|I don't remember {{key}}|search memory for {{key}}|look in memory for {{key}}|check memory for {{key}}|[bring|pull] up {{key}}|say {{key}}|query {{key}}|I'd like to hear [|the|my] {{key}}|see what is stored [under|as|for] {{key}}|go look for {{key}} in memory|repeat [|the|my] {{key}}|dig up {{key}}|help me remember {{key}}|refresh my memory about {{key}}|let me hear [|the|my] {{key}}|bring back {{key}}|quote {{key}}"),
    ("forget", "order", "<drop> [|about|the key|the value of|the entry|what you know about|the value under|my|the|everything about|whatever is under] {key} [|from memory|from your memory|in memory]|<drop> {key}|<drop> {key}|I no longer need {key}|I do not need {key} any more|stop remembering {key}|take {key} out of memory|you can [forget|delete|drop] {key}|do not [remember|keep] {key} any longer|make sure {key} is gone|{key}: delete [it|this|]|{key} must go|I want {key} gone|kick {key} out of memory|you need not keep {key}|there is no need for {key} [anymore|any more|]|erase all about {key}|clean {key} out of memory|<drop> what is stored [under|as|for] {key}|do away with {key}|{key} is obsolete, <drop> it|make {key} disappear|I don't need {key} [any more|anymore|any longer]|have {key} [deleted|removed|erased]|don't keep {key}|free [|the memory of] {key}|{key} is not [valid|right|current], <drop> it|make memory forget {key}|I'd like {key} [forgotten|deleted]|cancel {key}|<drop> the memory [of|about] {key}"),
    ("forget", "statement", "{key} can [go|be deleted|be forgotten|be removed]|{key} is no longer [needed|used|valid]|{key} should be [forgotten|deleted|erased|removed]|{key} may be [dropped|deleted]|{key} is obsolete|{key} has to go|nobody needs {key}|{key} is useless now"),
    ("keys", "order", f"list [|all|all the|the|your|my] [memory|stored|saved|] [keys|names|entries]|<tell> [{KEYS}]|<show> [{KEYS}]|[list|show|show me|print] [everything|all|what is] in [|your|the] memory|list [|your|the] memory|list what you [know|remember|have stored]|name [all|the|your] keys|<tell> what you [remember|know|have in memory]|enumerate the keys|show me your memory|give me an overview of [|the|your] memory|<tell> everything [you remember|that you have stored|you know]|list the [stored|remembered|saved] things|dump the memory keys|go through your memory|<show> the memory|show all memories|list memories|list every [key|entry|name] [in memory|]|let me see [what you remember|your memory|the keys]"),
    ("keys", "question", "what keys [are there|do you have|are stored|are in memory|exist|do you know]|what do you [remember|know|have in memory|have stored]|what is [stored|saved|] in [|your|the] memory|which [keys|names] [are there|do you have|are stored|do you know|exist]|what have you [stored|saved|remembered]|what are [the|your] [keys|memory keys]|keys|what [things|entries|values] are [stored|saved|in memory]|is anything in memory|which facts do you know|everything you remember|all that you know|which keys are set|memory contents|which names are in memory|what can you recall|do you remember anything|what did I ask you to [remember|keep|store]|what entries does memory have|what have I [stored|saved] in memory|what does your memory [hold|contain|look like]|which values do you keep|how does the memory look|what is there in memory|what all do you remember|what did you keep for me"),
    ("write", "order", WRITE.replace("{np}", "{text}")),
    ("write", "order", "<wr> {text} <to> {path}|write {text} <to> {path}"),
    ("read", "order", f"<show> [{FILE}]|<show> {{path}}|<tell> [{FILE}]|[{READ}] and <tell> [it|the text|what it says|what is in it|the content|the contents]|<tell> what [is in|is written in|it says in] [the file|] {{path}}|read [the file|file|] {{path}} [aloud|to me|]|let me see [the file|] {{path}}|I'd like to [see|read] {{path}}|I need [to read|to see|] the text of {{path}}|check what {{path}} says|give me {{path}}|look [into|inside] [the file|] {{path}}|look at {{path}}|inspect {{path}}|see what [is in|stands in|the file] {{path}} [says|]|get the text of {{path}}|quote {{path}}|recite {{path}}|open {{path}} and read it [to me|]"),
    ("read", "question", f"<ask> [{FILE}]|what [is|is written|stands] in [the file|file|] {{path}}|what does [the file|file|] {{path}} [say|contain|hold|have in it]|what's in [the file|] {{path}}|can you [read|open|show me] [the file|] {{path}}|{{path}}|what are the contents of [the file|] {{path}}|do you have [the text of|] {{path}}|what have I written [in|into] {{path}}|what did you put in {{path}}|what stands in {{path}}|{{path}}, what does it say|what do we have in {{path}}|could you look at {{path}}|content of {{path}}|what text is in {{path}}|what was in {{path}} again|what does the text in {{path}} say|how does {{path}} read|is there anything in {{path}}|what did you write [to|into] {{path}}"),
    ("files", "order", f"list [|all|all the|the|your|my] [files|file names]|<tell> [{FILES}]|<show> [{FILES}]|[show|show me|print] [all|all the|my|the] files|ls|dir|list the [directory|folder]|list what files you have|name [all|the|my] files|<tell> which files [exist|are there|you have]|give me an overview of [|the|my] files|show my [folder|directory]|list everything in the [folder|directory]|show everything in the directory|let me see [the|my|all] files|list documents|enumerate [the|my|all] files|go through the files|look which files there are"),
    ("files", "question", "what files [are there|exist|do I have|do you have|have we got|are stored]|which files [are there|exist|do I have|do you have|are stored]|what are [the|my] [files|file names]|what is in [the|my] [directory|folder]|files|are there [any|] files|what files have [I|you|we] [written|saved]|what have I written so far|which files have I [written|saved|created|got]|any files|file names|what documents are there|what is on disk|all files|what does my folder contain|what did I save to files|which documents do I have|what is the list of files|how many files are there and which|what files did [I|you|we] [create|make|write]"),
    ("time", "order", f"<tell> [{TIME}]|<tell> [{TIME}]|check the [time|clock|date]|look at the clock|read the clock|<tell> what [day|date] it is|time|<tell> how late it is|[look up|check] what time it is|<tell> the hour|tell me the day|let me know the date|<tell> [the|today's] date and time|show the clock|give the time|look what time it is|use the clock|see what day it is"),
    ("time", "question", "what time is it [|now|right now|today]|what's the [time|date|current time|date today]|what is the [time|date|current time|current date|time now]|what [date|day] is [it|today|it today]|time|what is today's date|what does the clock [say|show]|do you [have|know] the time|can you tell me the [time|date]|what day do we have|current time|what is today|how late is it|what hour is it|have you got the time|what's the date [today|now]|what day is it|which day is [it|today]|what does [my|your] clock say|date and time|do you know what time it is|current date and time|today's date|what time do we have|what date do we have|got the time|which date is it|what is the hour|what time is it by your clock|is it late already"),
    ("recall_write", "order", f"[copy|export|dump|move|transfer] [{BARE}] <to> {{path}}|[export|back up|dump] {{key}} [as|to|into] {{path}}|copy {{key}} from memory <to> {{path}}"),
    ("read_store", "order", f"[copy|import|load] [{FILE}] [to|into|as|under|into memory as|to memory under] {{key}}|read {{path}} into {{key}}|load {{key}} from [the file|] {{path}}|set {{key}} from {{path}}"),
    ("rename", "order", "rename [|the key] {key} [to|as|into] {key2}|move {key} [to|over to|under] {key2}|change the [name|key] of {key} to {key2}|call {key} {key2} from now on|rename the key {key}, [make it|call it] {key2}|move the value of {key} to {key2}"),
    ("update+", "order", "[increase|raise|bump] [|the|my] {key} by {n}|add {n} to {key} and <put2> [it|the result] [again|back|under the same name|in place]|[raise|increase] [|the|my] {key} [in memory|] by {n}|update {key} by adding {n}|make {key} {n} [bigger|larger|higher|more]|increment {key} by {n}|{key} += {n}"),
    ("update-", "order", "[decrease|reduce|lower] [|the|my] {key} by {n}|subtract {n} from {key} and <put2> [it|the result] [again|back|under the same name|in place]|update {key} by subtracting {n}|make {key} {n} [smaller|lower|less]|decrement {key} by {n}|{key} -= {n}"),
    ("unknown", "order", "[book|find|buy|order|reserve] [a flight|a hotel|a table|tickets|a taxi] [|to|for|in] {word}|[write|compose] [a|me a] [poem|song|story|essay] about {word}|translate {text} [to|into] [french|german|spanish]|send [a mail|an email|a message] to {word}|play [some music|a song]|[search|browse] the [web|internet] for {text}|[draw|paint] [a picture of|] {word}|call {word}|tell me a joke|explain {word}|turn on the {word}|what is the weather in {word}|who is {text}|[show|tell] me the news|download {text}|run the {word}|train a {word}|drive to {word}|cook {word}"),
    ("greet", "question", "[hello|hi|hey|good morning|good evening|hello there|hi there|good day|hallo|howdy] [|agent|you|there|friend]"),
    ("thank", "question", "[thanks|thank you|thanks a lot|thank you very much|great|well done|nice|perfect|cheers|good job] [|agent|a lot|so much]"),
    ("about", "question", "[who|what] are you|what can you do|what [do you do|are you for|can I ask you]|help|what is your name|how can you help me|introduce yourself|tell me about yourself|are you an AI"),
)  # fmt: skip
