"""What stored samples amount to: energy intervals with revisions, completeness, figures, bills, closings, traces.

settlement   readings ─▶ energy of intervals, revisions, gaps          figures    ─▶ indicators, sessions
bills        supply agreements, months so far and closed               clusters   ─▶ output beside energy
report       documents that leave the house                            trace      ─▶ from a figure back to readings
"""
