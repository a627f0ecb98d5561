"""Open-ended continuations of prompts that name identity groups, by base and tuned."""
