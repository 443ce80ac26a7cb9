-- One device's history, columns first: the database writes the JSON, the server passes the bytes on.
SELECT convert_to(concat('{{"at_ms":[', string_agg(r.at_ms::text, ','), {note_name}, {note},
                         '],"curves":{{', concat_ws(',', {curves}), '}}}}'), 'UTF8') AS body,
       count(*) AS rows, max(r.at_ms) AS newest_ms
FROM (
    SELECT (date_part('epoch', h.at) * 1000)::bigint AS at_ms, {columns}
    FROM {relation} h
    WHERE h.park_id = %(park_id)s AND h.device_id = %(device_id)s AND h.at >= %(start)s AND h.at < %(stop)s
    ORDER BY h.at
    LIMIT %(rows)s
) r
