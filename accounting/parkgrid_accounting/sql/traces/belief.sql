-- With what belief the readings from an instant on are judged: the latest one at or before it.
SELECT at, belief FROM public.register_beliefs
WHERE park_id = %(park_id)s AND register_id = %(register)s AND at <= %(start)s
ORDER BY at DESC
LIMIT 1
