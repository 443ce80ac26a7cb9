"""What a dashboard must be before anybody sees it: well formed, complete, true to the catalogue, quick."""

from parkgrid_dashboards.check.finding import Document, Finding

__all__ = ["Document", "Finding"]
