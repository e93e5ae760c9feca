"""Side-by-side benchmarks: each prints tables with ratios and, as its last line, one JSON object; see bench/README.md."""
