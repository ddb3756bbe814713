"""One reader for each kind of source: `read(data, media, findings)`, run in the worker alone."""
