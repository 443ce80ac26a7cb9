-- From where to where readings can have a say in a span: some usable ones on either side of it.
SELECT (SELECT min(b.at) FROM (
            SELECT r.at FROM {relation} r
            WHERE r.device_id = %(device)s AND r.at < %(start)s AND r.{signal} IS NOT NULL
              AND coalesce(r.flags ->> {name}, 'good') IN ('good', 'estimated')
            ORDER BY r.at DESC LIMIT %(beside)s) b),
       (SELECT max(a.at) FROM (
            SELECT r.at FROM {relation} r
            WHERE r.device_id = %(device)s AND r.at >= %(stop)s AND r.{signal} IS NOT NULL
              AND coalesce(r.flags ->> {name}, 'good') IN ('good', 'estimated')
            ORDER BY r.at LIMIT %(beside)s) a)
