-- What the energy registers of a park gained in a day, by class and signal: as metered where the day of a register is whole,
-- so that every view shows the number that is paid for; else by its first and last reading. A counter that has never
-- answered, as metering knows, is not looked for among the readings of the day.
WITH device AS MATERIALIZED (
    SELECT d.device_id, d.device_class, d.signals FROM public.devices d
    WHERE d.park = %(park)s AND d.park_id = %(park_id)s AND NOT d.retired
), metered AS MATERIALIZED (
    SELECT r.device_id, r.signal, r.method, e.energy_kwh
    FROM public.registers r
    LEFT JOIN public.energy_1d e
        ON e.park_id = r.park_id AND e.register_id = r.register_id AND e.at = %(start)s AND e.missing_intervals = 0
    WHERE r.park_id = %(park_id)s
)
{classes}
