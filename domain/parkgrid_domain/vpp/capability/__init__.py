"""What a resource can do on top of its plan: up and down kW that it can hold for a time, and what limits it.

Up is more power for the grid: less drawn or more given (削峰). Down is the opposite (填谷). A capability is never taken
from a nameplate: it is what the running plan and the events already accepted leave over.
"""
