"""Metering: stored readings become energy of intervals, with quality and every former figure.

rounds       notes of what came ─▶ spans, windows, rows, in one transaction      registers, declarations  what is read
work, opening, readings, computing   what a round does, step by step             beliefs, findings        what is judged
revisions    rows that differ, with their former ones kept                       completeness             gaps, by cause
"""
