SELECT
    register_id,
    string_agg(timestamptz_send(at), ''),
    string_agg(int8send(revision), ''),
    string_agg(int8send(quality), ''),
    string_agg(int8send(coalesce(energy_wh, %(absent)s + -1)), ''),
    string_agg(int8send(received), ''),
    string_agg(int8send(valid), ''),
    string_agg(int8send(estimated), ''),
    string_agg(int8send(late), ''),
    string_agg(int8send(coalesce((extract(epoch FROM first_at) * 1000)::int8, %(absent)s + -1)), ''),
    string_agg(int8send(coalesce(first_steps, %(absent)s + -1)), ''),
    string_agg(int8send(coalesce((extract(epoch FROM last_at) * 1000)::int8, %(absent)s + -1)), ''),
    string_agg(int8send(coalesce(last_steps, %(absent)s + -1)), ''),
    string_agg(int8send(spread), '')
FROM base.interval_energy
WHERE park_id = %(park_id)s AND register_id = ANY(%(registers)s) AND at >= %(low)s AND at < %(high)s
GROUP BY register_id
