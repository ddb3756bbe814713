"""Any OpenAI-compatible endpoint as a device."""
