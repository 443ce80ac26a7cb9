"""What a device refused, and when it is asked for it again: soon at first, then more and more rarely. Pure.

A device that starts, or is busy with something else, refuses registers for some seconds that it has, so nothing is left
out for good. A refused block is asked for as a whole first, since that brings everything back with one request; where
it is refused again, each part that is missing is asked for on its own. A visit puts one such question, after its plan.
"""

from collections.abc import Collection
from dataclasses import dataclass, field

from parkgrid_edge.protocols.registers import Block, Register, parts

FIRST_PAUSE_S = 5.0
LONGEST_PAUSE_S = 3600.0
_STEADY_PAUSES = 4


@dataclass(slots=True)
class Refused:
    """A block that was refused since the device came."""

    block: Block
    """As it was planned at first."""
    missing: list[Block] = field(default_factory=list)
    """The smallest reads of it that the device refuses; none when it only refuses what lies between registers."""
    holey: list[Block] = field(default_factory=list)
    """Parts of it between whose registers lies something that the device refuses."""
    whole: bool = False
    """Whether it is read as planned again."""
    since_s: float = 0.0
    """Since when it is whole."""
    pause_s: float = FIRST_PAUSE_S
    due_s: float = 0.0
    """When the next round of questions begins."""
    questions: list[Block] = field(default_factory=list)
    """What is still to be asked in the round that is under way."""

    @property
    def registers(self) -> set[Register]:
        """The registers that are left out."""
        return {register for part in self.missing for register in part.registers}

    @property
    def plan(self) -> list[Block]:
        """The reads that bring what the device gives of it."""
        if self.whole:
            return [self.block]
        pieces = parts(self.block, self.missing, bridge=True)
        return [read for piece in pieces for read in (parts(piece) if self._has_holes(piece) else [piece])]

    def _has_holes(self, piece: Block) -> bool:
        end = piece.address + piece.count
        return any(part.address < end and piece.address < part.address + part.count for part in self.holey)

    def covers(self, part: Block) -> bool:
        """Whether a read lies within this block."""
        end = self.block.address + self.block.count
        inside = self.block.address <= part.address and part.address + part.count <= end
        return inside and part.table is self.block.table

    def refuse(self, part: Block, missing: Collection[Block], now_s: float) -> None:
        """A part of it was refused. The pause begins anew, unless it was whole for a short while only."""
        if self.whole and now_s - self.since_s < _STEADY_PAUSES * self.pause_s:
            self._pause_longer(now_s)
        else:
            self.pause_s = FIRST_PAUSE_S
            self.due_s = now_s + self.pause_s
        self.missing += [each for each in missing if each not in self.missing]
        if not missing:
            self.holey.append(part)
        self.whole, self.questions = False, []

    def answered(self, question: Block, now_s: float) -> None:
        """A question brought an answer."""
        if question == self.block:
            self.missing, self.holey, self.questions = [], [], []
            self.whole, self.since_s = True, now_s
        else:
            self.missing.remove(question)
            self._asked(question, now_s)

    def refused_again(self, question: Block, now_s: float, *, parts: bool) -> None:
        """A question was refused; with `parts`, what is missing of the block is asked for piece by piece now."""
        if question == self.block and parts:
            self.questions = list(self.missing)
        self._asked(question, now_s)

    def _asked(self, question: Block, now_s: float) -> None:
        self.questions = [each for each in self.questions if each != question]
        if not self.questions:
            self._pause_longer(now_s)

    def _pause_longer(self, now_s: float) -> None:
        self.pause_s = min(2 * self.pause_s, LONGEST_PAUSE_S)
        self.due_s = now_s + self.pause_s


class Refusals:
    """The refused blocks of one device."""

    def __init__(self) -> None:
        self._refused: list[Refused] = []

    @property
    def registers(self) -> set[Register]:
        """Every register that is left out."""
        return {register for refused in self._refused for register in refused.registers}

    def of(self, part: Block) -> Refused:
        """The refused block that a read belongs to; a new one when there is none."""
        found = next((refused for refused in self._refused if refused.covers(part)), None)
        if found is None:
            found = Refused(part)
            self._refused.append(found)
        return found

    def question(self, now_s: float) -> tuple[Refused, Block] | None:
        """What to ask in this visit, if anything is due."""
        for refused in self._refused:
            if refused.questions:
                return refused, refused.questions[0]
            if not refused.whole and refused.due_s <= now_s:
                return refused, refused.block
        return None
