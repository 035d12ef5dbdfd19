"""Side-by-side measurements against stock FreqAI; ``docs/benchmarks.md`` says how to read them."""
