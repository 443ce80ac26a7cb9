SELECT register_id, string_agg(timestamptz_send(at), ''), string_agg(int8send(energy_wh), '')
FROM public.energy_intervals
WHERE park_id = %(park_id)s AND register_id = ANY(%(registers)s) AND at >= %(low)s AND at < %(high)s AND quality = 1
  AND period_s = %(period_s)s
GROUP BY register_id
