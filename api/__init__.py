"""The HTTP door: reads and explains; `web/` is the live page."""
