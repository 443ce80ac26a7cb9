"""Tables that people filled in: cells, headings, and what can be wrong with them."""
