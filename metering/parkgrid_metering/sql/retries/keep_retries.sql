INSERT INTO base.register_aside AS known
    (park_id, register_id, from_at, reason, cause, noted_by, attempts, since, tried_at, retry_at)
VALUES (%(park_id)s, %(register)s, %(from)s, %(reason)s, %(cause)s, %(by)s, 1, %(now)s, %(now)s,
    %(now)s + make_interval(secs => %(first_s)s))
ON CONFLICT (park_id, register_id) DO UPDATE SET
    from_at = least(known.from_at, excluded.from_at), reason = excluded.reason,
    cause = CASE WHEN excluded.from_at < known.from_at THEN excluded.cause ELSE known.cause END,
    noted_by = CASE WHEN excluded.from_at < known.from_at THEN excluded.noted_by ELSE known.noted_by END,
    attempts = known.attempts + 1, tried_at = excluded.tried_at,
    retry_at = excluded.tried_at + make_interval(secs => least(%(most_s)s, %(first_s)s * 2 ^ least(known.attempts, 20)))
