"""The inference driver: language models behind one device contract."""
