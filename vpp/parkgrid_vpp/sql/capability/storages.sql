-- What each storage device says last: its state of charge and limits, and its nameplate; of several of one name the one in use.
SELECT DISTINCT ON (a.place)
    a.place, n.at, n.soc_pct, n.charge_limit_kw, n.discharge_limit_kw,
    (d.ratings ->> 'capacity_kwh')::float8, (d.ratings ->> 'rated_power_kw')::float8
FROM unnest(%(parks)s::text[], %(gateways)s::text[], %(devices)s::text[])
    WITH ORDINALITY AS a (park, gateway, device, place)
JOIN public.devices AS d USING (park, gateway, device)
JOIN public.storage_newest AS n USING (park_id, device_id)
ORDER BY a.place, d.retired, d.device_id DESC
