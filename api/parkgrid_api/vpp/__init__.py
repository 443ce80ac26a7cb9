"""The pilot as the api tells it: one `Pilot` in memory, and what answers are made of it.

ledger ──follow──▶ Pilot ──▶ summary, events, registry, operators ──▶ routes.vpp
"""
