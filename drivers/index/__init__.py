"""The index: pieces of text found by their words and by their meaning.

It lies in the file of a driver that owns the texts, on that driver's connection and thread.

Interface:
    shelf.Shelf             pieces by place and number; `add`, `remove`, `by_words`, `by_vector`,
                            `search`
    fusion.fuse             one ranking out of several; `blend` for words and nearness
    embedder.Embedder       texts to vectors by the model for sentences that runs, where one does
    renewal.Renewal         embeds beside the calls what has no vector of that model yet
    file.open_file          a SQLite connection with `sqlite-vec`; a damaged file is put aside
"""
