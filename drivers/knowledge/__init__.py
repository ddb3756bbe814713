"""The knowledge driver: documents and facts, with who said what and from when to when."""
