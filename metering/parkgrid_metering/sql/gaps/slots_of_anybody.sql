SELECT DISTINCT at FROM base.interval_energy WHERE at >= %(low)s AND at < %(high)s AND 10 * valid >= 9 * expected
