-- The power of the classes of a park by bucket: the sum over its devices, how many of them reported, how often.
WITH device AS MATERIALIZED (
    SELECT d.device_id, d.device_class, d.period_s FROM public.devices d
    WHERE d.park = %(park)s AND d.park_id = %(park_id)s
)
{classes}
ORDER BY at_ms
