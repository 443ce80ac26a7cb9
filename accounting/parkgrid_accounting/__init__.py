"""What energy of intervals amounts to: figures, bills, closings, reports, traces.

figures      indicators, sessions                                      clusters   ─▶ output beside energy
bills        supply agreements, months so far and closed               trace      ─▶ from a figure back to readings
report       documents that leave the house
"""
