"""Where a value can come from: noun phrases for a sum, for memory, a file or the clock.

Written in the language of `Grammar`. `OPERATIONS` holds, for each expression over x and y, its noun
phrases and its orders.

Interface:
    OPERATIONS, PERCENT, AVERAGE, SUM_OF_THREE      sums
    RECALL, BARE, OPERAND                           memory: spoken of, named, reckoned with
    FILE, TIME, KEYS, FILES                         what else can be looked up
"""

# People do type such signs.
# ruff: noqa: RUF001

from __future__ import annotations

from collections.abc import Mapping

RECALL = (
    "the value of {key}|the [stored|saved|] value of [the key|the|] {key}"
    "|what is <stored> [under|as|for|in]"
    " {key}|the value <stored> [under|as|for|in] {key}|{key} from <mem>|the value [for"
    "|under|at] {key}"
    "|what you [have|know|<stored>] [for|under|as] {key}|the [<stored>|remembered] {key}"
    "|whatever is [|<stored>] under {key}|the content of {key}|the memory entry {key}"
    "|what {key} [holds|is|was]|what [is|you have] in memory [for|under] {key}"
    "|what you remember [as|for|about|under] {key}|the [saved|stored"
    "|remembered] value {key}|{key} as [<stored>|it is in memory]|the value that {key} has"
    "|what I [told you|gave you|<stored>] [for|as|under] {key}|what was <stored> [as|under"
    "|for] {key}"
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
    "|what [the file|] {path} [contains|says|holds]|the text [in|from|inside] [the file"
    "|] {path}|what you find in {path}"
    "|the [line|value|entry] in [the file|] {path}|whatever is in {path}"
    "|what stands in {path}|the words in {path}|what was written to {path}"
    "|everything in {path}|what I wrote [in|into|to] {path}|[the file|file|] {path}"
)
TIME = (
    "the [current|present|exact|] [time|date|date and time|time and date]|the time [now"
    "|of now|right now]|what time it is"
    "|the time it is now|today's date|a [timestamp|time stamp]|the current timestamp"
    "|the clock time|the clock|the hour|the date of today|the day and time"
    "|today's date and time|now"
)
KEYS = (
    "[the|a] list of [the|all|your|] [memory|stored|] [keys|names]|[all|] the [memory"
    "|stored] [keys|names]"
    "|[the|all] keys in [|your|the] memory|the names of [all|the|] [stored|saved] [values"
    "|things|entries]|all keys"
    "|the key list|the list of everything in memory|what keys there are|what keys you have"
)
FILES = (
    "[the|a] list of [the|all|my|] [files|file names]|[all|] the [file names"
    "|files there are]|the names of [the|all|my] files"
    "|the file list|the [directory|folder] listing|what files [there are|exist|you have]"
    "|all file names"
)
#: operators: noun phrases over x and y, then orders
OPERATIONS: Mapping[str, tuple[str, str]] = {
    "{x} + {y}": (
        "{x} plus {y}|{x} plus {y}|{x} + {y}|{x} + {y}|{x}+{y}|the [sum|total] of {x} and {y}"
        "|{x} and {y} [added|summed|taken|put] together"
        "|{y} more than {x}|{x} increased by {y}|the result of adding {y} to {x}|the [sum"
        "|total] of {x} plus {y}|{x} with {y} added"
        "|{x} and {y} [combined|in total]|the result of {x} plus {y}|{x} and {y} more"
        "|{y} on top of {x}|{x} with {y} more|{y} added to {x}|{x} raised by {y}"
        "|{x} together with {y}|all of {x} and {y}|what {x} and {y} [make|give]",
        "add {x} and {y}|add {y} to {x}|add {y} to {x}|sum {x} and {y}|add together {x} and {y}"
        "|add up {x} and {y}"
        "|take {x} and add {y}|total {x} and {y}|combine {x} and {y}|increase {x} by {y}"
        "|start with {x} and add {y}|start from {x} and add {y}|put {y} on top of {x}"
        "|to {x} add {y}|raise {x} by {y}|take {x}, add {y}|add {y} more to {x}"
        "|bring {x} and {y} together|use {x} and {y}, add them|count {x} and {y} together",
    ),
    "{x} - {y}": (
        "{x} minus {y}|{x} minus {y}|{x} - {y}|{x} - {y}|{x}-{y}|the difference [between"
        "|of] {x} and {y}|{x} [reduced|decreased|lowered] by {y}"
        "|{y} [less|fewer] than {x}|{x} less {y}|{x} without {y}|{x} take away {y}"
        "|the result of [subtracting|deducting|taking] {y} from {x}"
        "|what remains of {x} [after|without] {y}|{x} with {y} [subtracted|taken away"
        "|taken off]|the result of {x} minus {y}|what is left of {x} without {y}"
        "|{x} after taking away {y}|{x} lowered by {y}|{y} subtracted from {x}"
        "|{y} taken from {x}|the rest of {x} after {y}|how much more {x} is than {y}"
        "|{x} with {y} less",
        "subtract {y} from {x}|subtract {y} from {x}|take {y} [away|off] from {x}"
        "|take {y} from {x}|deduct {y} from {x}|take {x} and subtract {y}"
        "|decrease {x} by {y}|reduce {x} by {y}|remove {y} from the number {x}"
        "|take {x} minus {y}|begin with {x} and subtract {y}|from {x} [take|subtract"
        "|deduct] {y}|start with {x} and take away {y}|lower {x} by {y}|take {x}, subtract {y}"
        "|remove {y} from {x}|use {x}, minus {y}",
    ),
    "{x} * {y}": (
        "{x} times {y}|{x} times {y}|{x} * {y}|{x} * {y}|{x}*{y}|{x} x {y}|{x} × {y}"
        "|{x} multiplied [by|with] {y}|the [product|multiplication] of {x} and {y}"
        "|the [total|result|product] of {x} times {y}|the result of multiplying {x} [by|with"
        "|and] {y}|{y} lots of {x}|{x} multiplied {y} times|{x} by {y}|{x}, {y} times"
        "|{x} taken {y} times|{x} [times|multiplied by] the number {y}|{x} and {y} multiplied"
        "|the factor {y} on {x}",
        "multiply {x} [by|by|with|and|times] {y}|take {x} [times {y}|and multiply [it|] by {y}]"
        "|times {x} by {y}|take the product of {x} and {y}|take {x}, multiply [it|] by {y}"
        "|start with {x} and multiply by {y}|scale {x} by {y}|take {x} [|and take it] {y} times"
        "|multiply the numbers {x} and {y}|use {x} and {y}, multiply them",
    ),
    "{x} / {y}": (
        "{x} divided by {y}|{x} divided by {y}|{x} / {y}|{x}/{y}|{x} over {y}|{x} ÷ {y}"
        "|the [quotient|division|ratio] of {x} and {y}|{x} [split|shared] [by|among|between"
        "|into] {y}"
        "|the result of dividing {x} [by|into] {y}|the result of {x} divided by {y}"
        "|{x} shared equally [by|among] {y}|each part of {x} in {y} parts"
        "|{x} cut into {y} [equal|] parts|how often {y} goes into {x}|{x} per {y}"
        "|{x} in {y} [equal|] parts",
        "divide {x} by {y}|divide {x} by {y}|split {x} [by|into|among|between] {y}"
        "|take {x} and divide [it|] by {y}|share {x} [among|between] {y}"
        "|divide {x} into {y} [equal|] parts|take {x}, divide [it|] by {y}"
        "|start with {x} and divide by {y}|break {x} into {y} parts|distribute {x} over {y}"
        "|cut {x} into {y} [equal|] parts",
    ),
    "{x} * 2": (
        "double {x}|twice {x}|{x} doubled|two times {x}|the double of {x}|twice as much as {x}"
        "|{x} times two|{x}, two times|{x} twice|double of {x}|the doubled {x}|2 times {x}",
        "double {x}|multiply {x} by two|take {x} and double it|take {x} twice"
        "|double the number {x}",
    ),
    "{x} / 2": (
        "half of {x}|half {x}|{x} halved|the half of {x}|half as much as {x}|{x} divided by two"
        "|{x} in half|one half of {x}|{x}, half of it|50 percent of {x}|one of two parts of {x}"
        "|the halved {x}",
        "halve {x}|divide {x} by two|take half of {x}|split {x} in half|cut {x} in half"
        "|take {x} and halve it|split {x} in two",
    ),
    "{x} * 3": (
        "triple {x}|three times {x}|{x} tripled|{x} times three",
        "triple {x}|multiply {x} by three"),
    "{x} * {x}": (
        "{x} squared|the square of {x}|{x} times itself",
        "square {x}|multiply {x} [by|with] itself"),
}  # fmt: skip
PERCENT = "{y} percent of {x}|{y}% of {x}|{y} per cent of {x}|a {y}% share of {x}|{y} % of {x}"
SUM_OF_THREE = (
    "the [sum|total] of {a}, {b} and {c}|the [sum|total] of {a} and {b} and {c}"
    "|{a} and {b} and {c} [added|summed|taken] together"
    "|{a}, {b} and {c} [added up|together|in total|combined]|{a}+{b}+{c}|{a} + {b} + {c}"
    "|{a} plus {b} plus {c}|the [sum|total] of {a}, {b}, {c}"
    "|the sum of {a} plus {b} plus {c}|the three numbers {a}, {b} and {c} together"
    "|the sum of the numbers {a}, {b} and {c}|the sum of {a}, {b}, and {c}",
    "add {a}, {b} and {c}|add up {a}, {b} and {c}|sum {a}, {b} and {c}"
    "|add {a} and {b} and {c}|total {a}, {b} and {c}|add up these numbers: {a}, {b}, {c}"
    "|add {a} to {b} and {c}|add {a}, {b}, {c}|take {a}, {b} and {c} and add them [up|]"
    "|add together {a}, {b} and {c}|sum the numbers {a}, {b} and {c}"
    "|combine {a}, {b} and {c}",
)
AVERAGE = "the [average|mean] of {x} and {y}|the average between {x} and {y}"
