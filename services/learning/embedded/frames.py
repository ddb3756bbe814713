"""Where a value can go: frames around a noun phrase `{np}`, and orders about what was found.

Written in the language of `Grammar`.

Interface:
    ASK_ORDER, ASK_QUESTION, TELL_IT        into the answer
    STORE, STATE, KEEP                      into memory
    WRITE, FILE_IT                          into a file
    LOOK, READ                              orders to fetch a value first
"""

from __future__ import annotations

ASK_ORDER = (
    "[<calc>|<tell>] {np}|<tell> [what|how much] {np} [is|equals|makes|gives]"
    "|<calc> {np} and <tell> [it|the result|the answer]"
    "|<calc> the result of {np}|<calc> [how much|what] {np} is|<tell> the result of {np}"
    "|[need|I need] the result of {np}|<calc> this: {np}|<calc> {np} and [report back"
    "|give me the number|print it]|run the numbers on {np}|let me see {np}|I want ["
    "|to have] the value of {np}|use the calculator [for|on|to get] {np}"
    "|give me the answer to {np}|<tell> the answer: {np}|help me with {np}"
    "|I am looking for {np}|do the math: {np}|do this sum: {np}"
)
ASK_QUESTION = (
    "<ask> {np}|<ask> {np}|<ask> {np}|[what|how much] [does|do|is|would] {np} [equal|make"
    "|give|come to|get you]"
    "|{np}|{np} =|{np} equals|{np} is [what|how much]|do you know {np}|can you tell me {np}"
    "|how much [does|will] {np} make|[what|how much] {np} is"
    "|what do you get for {np}|could you tell me {np}|what number is {np}|how many is {np}"
    "|what is the result of {np}|what's the answer to {np}|{np}, what is that"
    "|{np}, how much is that|{np}, what does that give|{np}, what is the result"
    "|{np} makes what|{np} gives|{np} comes to what|what {np} is|so {np} is"
    "|what number do I get for {np}|can I have {np}|could I get {np}|any idea what {np} is"
    "|how big is {np}|what comes out of {np}|what results from {np}"
    "|what does {np} come out at|what do we get for {np}|is it clear what {np} is"
    "|what will {np} be|what would {np} be|how large is {np}|how much would {np} be"
    "|what is the value of {np}|do you happen to know {np}|would you know {np}"
)
STORE = (
    "<put> {np} <under> {key}|<put> {np} <under> {key}|<put2> {np} <under> {key}"
    "|set {key} to {np}|set {key} to {np}|set {key} = {np}|let {key} be {np}"
    "|make {key} {np}|make {np} the {key}"
    "|<put2> [|that] {key} [is|=|equals] {np}|remember that [|the|my|our] {key} is {np}"
    "|remember that [|the|my|our] {key} is {np}|remember [|the|my|our] {key} is {np}"
    "|remember {key}: {np}|remember {key} = {np}|<put2> [in memory|in your memory] that ["
    "|my|the] {key} is {np}"
    "|<put2> {key} as {np}|<put2> {key} [=|:|with the value|with] {np}|assign {np} to {key}"
    "|give {key} the value {np}|[put|keep|hold] {np} [in|in memory under] {key}"
    "|[change|update] {key} to {np}|[use|take] {np} [as|for] [the|] {key}"
    "|bind {key} to {np}|under {key}, <put2> {np}|[define|register] {key} as {np}"
    "|<put2> the following <under> {key}: {np}|<put2> in memory [|under] {key}: {np}"
    "|I want [|the|my] {key} to be {np}|I'd like {key} to be {np}|make sure ["
    "|the] {key} is {np}|let's say {key} is {np}|keep in mind [that|: |] [my|the|our"
    "|] {key} is {np}|do not forget [that|: |] [my|the|] {key} is {np}|don't forget [that"
    "|: |] [my|the|] {key} is {np}|never forget that {key} is {np}|write down that [my|the"
    "|] {key} is {np}|I need you to remember {key}: {np}|{np} is what I want stored [as"
    "|under] {key}|put {np} down as {key}|save this: {key} = {np}|keep {key} at {np}"
    "|have {key} set to {np}|for {key} use {np}|for {key}, <put2> {np}"
    "|in memory, <put2> {np} <under> {key}|[create|make|open] [an entry|a key"
    "|an entry called|a key named] {key} with [the value|] {np}|add [a memory|an entry"
    "|a note]: {key} is {np}|take note: {key} is {np}|<put2> {np} for me <under> {key}"
    "|<put2> {np} for later <under> {key}|I want you to know that [my|the|] {key} is {np}"
    "|I will need {np} later, call it {key}|<put2> {np}, [name|call] it {key}"
    "|<put2> {np} and call it {key}|<put2> {np} with {key} as [the name|its name|the key]"
    "|{np} is to be <stored> <under> {key}|I want {np} <stored> <under> {key}"
    "|I'd like {np} <stored> <under> {key}|<put2> under {key} [the value|] {np}"
    "|label {np} as {key}|memory [entry|]: {key} = {np}|let {np} be known as {key}"
    "|have memory hold {np} <under> {key}|[there is|here is"
    "|I have] {np}, <put2> <it> <under> {key}|<ask> {np}? <put2> <it> <under> {key}"
    "|turn {key} into {np}|key {key}, value {np}|use {key} for {np}|name {np} {key}"
)
STATE = (
    "{key} is {value}|{key} is {value}|{key} = {value}|{key}={value}|{key}: {value}|[my|the"
    "|our|her|his] {key} is {value}|[my|the|our] {key} is {value}"
    "|the value of {key} is {value}"
    "|[|my|the] {key} is now {value}|{value} is [the|my|our] {key}|[|the"
    "|my] {key} equals {value}|[|the|my] {key} will be {value}|{key} has [the value"
    "|changed to] {value}|{key} -> {value}|{key} has to be {value}|the new {key} is {value}"
    "|{key} now holds {value}|as for {key}, it is {value}|my {key} changed to {value}"
    "|{key}, that is {value}|new value for {key}: {value}|{key} shall be {value}"
    "|{key} stands for {value}|{key} means {value}|[my|the|] {key} was {value}"
    "|they say {key} is {value}|[my|the|our] {key} is called {value}|[my|the"
    "|] {key}: {value}|it is {value}, the {key}|[my|the] {key} would be {value}"
    "|{value} is now [the|my] {key}|I have {value} as [|my] {key}|{key} must be {value}"
)
WRITE = (
    "<wr> {np} <to> {path}|<wr> {np} <to> {path}|write {np} <to> {path}|[create"
    "|make] [a file|the file|a new file|a text file|] [called|named|] {path} [with"
    "|containing|that contains|holding|saying|that says|that has] [the text|the content"
    "|] {np}"
    "|write [the file|to|in|into|a file|] {path}: {np}|set the [content|contents"
    "|text] of {path} to {np}|[in|into|to] {path} <wr> {np}|[have|make] {path} [contain"
    "|hold|say] {np}|create {path} from {np}"
    "|<wr> [the following|this] <to> {path}: {np}|produce a file {path} with {np}"
    "|start a file {path} with {np}|[make|generate] {path} with {np}"
    "|<wr> {np} <to> {path} as text|new file {path}: {np}|{path} shall [contain|hold"
    "|say] {np}|I want [a file|the file|] {path} with {np}|I'd like a file [named|called"
    "|] {path} [with|containing] {np}|there should be a file {path} with {np}"
    "|note {np} in {path}|type {np} into {path}|[the file|] {path} must [contain|say"
    "|hold] {np}|<wr> <to> {path} the text {np}|{np} goes into {path}|{np} should go [to"
    "|into] [the file|] {path}|for {path}: {np}|make sure {path} [says|contains|holds] {np}"
    "|overwrite {path} with {np}|replace the content of {path} [by|with] {np}"
    "|I want {np} [written|saved|put] [to|in|into] [|the file|a file] {path}|[make|open"
    "|create] a file, {path}, [and|with] [put|write] {np} [in it|into it]"
    "|<wr> {np}, the file is {path}|<wr> {np} and call the file {path}"
    "|file {path}, text {np}|<ask> {np}? <wr> <it> <to> {path}|get {np} [into|onto] {path}"
    "|<wr> {np} for me <to> {path}|the text of {path} is to be {np}"
)
KEEP = (
    "<put2> <it> <under> {key}|<put2> <it> <under> {key}|set {key} to <it>|call it {key}"
    "|let {key} be <it>|use <it> as {key}|<put2> <it> in memory as {key}"
    "|assign <it> to {key}|name <it> {key}|make <it> the {key}|<it> is the {key}"
    "|<put2> <it> for later <under> {key}|let <it> be {key}"
    "|<put2> <it> for me <under> {key}|that is {key}|have {key} hold <it>"
    "|give <it> the name {key}"
)
FILE_IT = (
    "<wr> <it> <to> {path}|<wr> <it> <to> {path}|create {path} with <it>"
    "|<wr> <it> <to> {path}|make a file {path} with <it>|put <it> into {path}"
    "|let {path} hold <it>|call the file {path}|type <it> into {path}|have <it> in {path}"
    "|<it> goes into {path}|<wr> <it> for me <to> {path}"
)
TELL_IT = (
    "[|||, <then> <tell> <it>| <then> <tell> <it>| and give me <it>| and tell me <it>"
    "| and tell me how much it is| and tell me what you get| and show <it>]"
)
LOOK = (
    "<lookup> [|the value of|the stored|the value under|the|my] {key} [|in memory"
    "|from memory|in your memory]"
)
READ = (
    "<take> [the file|the text of|the contents of|the text from|what is in|] {path}"
    "|open [the file|] {path}|load [the file|] {path}"
)
