"""The virtual power plant pilot: its ledger, events, frozen baselines, settlement and proof.

act ─▶ ledger (one chained entry) ─▶ domain.vpp.pilot (registry and events) ─▶ process, api, page, bundle
                                         ▲
metering's intervals ─▶ evidence ─▶ frozen baseline, statement: entries as well
"""
