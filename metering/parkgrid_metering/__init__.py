"""Metering: stored readings become energy of intervals, with quality and every former figure.

rounds       one transaction, from notes to rows         notes          what came since the last round
steps        what one step hands to the next             work, opening  spans of registers, and their windows
passes       groups of windows: read, computed, written  readings, computing, judging    what windows come to
revisions    rows that differ, with their former ones    beliefs, findings, completeness  what is kept beside them
registers, declarations   what is read, and what people say of it        service, process   metering as a process
"""
