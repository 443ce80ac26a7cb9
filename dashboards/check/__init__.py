"""What a dashboard must be before anybody sees it: well formed, complete, true to the catalogue, quick."""

from dashboards.check.finding import Document, Finding

__all__ = ["Document", "Finding"]
