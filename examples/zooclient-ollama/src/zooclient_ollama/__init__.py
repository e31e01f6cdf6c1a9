"""The Ollama registry as a zoo of zooclient."""
