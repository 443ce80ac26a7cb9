"""Where links go: other dashboards with the same time and choice, and the live application."""

LIVE = "${live}"
"""The address of the live application, a variable of every board."""


def uid(board: str, language: str) -> str:
    """The identifier of a dashboard in a language."""
    return f"parkgrid-{board.replace('_', '-')}-{language}"


def address(board: str, language: str) -> str:
    """Another dashboard with the same time and the same choice."""
    return f"/d/{uid(board, language)}?${{__url_time_range}}&${{__all_variables}}"


def live_address(view: str, *, park: bool) -> str:
    """The same in the live application: its addresses hold the view, the park and the span."""
    chosen = "&park=${park:percentencode}" if park else ""
    return f"{LIVE}/?view={view}{chosen}&from=${{__from}}&to=${{__to}}"
