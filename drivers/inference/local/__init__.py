"""Our engine: continuous batching over paged attention, for any supported Hugging Face model."""
