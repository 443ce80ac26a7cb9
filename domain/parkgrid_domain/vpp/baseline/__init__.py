"""What a site would have drawn without an event: one engine, whose methods are dated rule files.

    days before the event ─▶ like days, dropped with reasons ─▶ X of Y ─▶ mean curve      frozen at the award
    the event day, before the event ─▶ factor or shift, capped                            frozen once it is read
    curve x adjustment ─▶ baseline, whole Wh a quarter hour

Sources: CAISO Baseline Accuracy Work Group 2017 (10 of 10), ERCOT (middle 8 of 10), PJM (3+2, match day), NYISO (5 of
10), Jiangsu 2015 and Guangzhou 2021 (mean of five workdays). All arithmetic is exact and rounded where a docstring says
so, so that a second implementation finds the same watt-hours.
"""
