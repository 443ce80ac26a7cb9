-- When registers of any park were read as planned: other parks have noted it, this one notes it at the end of the round.
SELECT at FROM base.heard WHERE at >= %(low)s AND at < %(high)s
UNION
SELECT at FROM base.interval_energy
WHERE park_id = %(park_id)s AND at >= %(low)s AND at < %(high)s AND 10 * valid >= 9 * expected
