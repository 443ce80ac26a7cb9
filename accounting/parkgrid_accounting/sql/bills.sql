-- The statements of tariffs, supply and bills, by name.

-- name: add_plan
INSERT INTO base.tariff_plan
    (plan_id, version, text, kind, name_zh, name_en, valid_from, valid_to, source, loaded_at, loaded_by)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (plan_id, version) DO NOTHING
RETURNING version;

-- name: plan_of
-- The newest text that covers the month; failing that, the newest one.
SELECT text FROM public.tariff_plans
WHERE plan_id = %(plan_id)s AND loaded_at <= %(as_of)s
ORDER BY (valid_from <= %(first)s AND (valid_to IS NULL OR valid_to >= %(end)s)) DESC, loaded_at DESC, version
LIMIT 1;

-- name: plans
SELECT plan_id, version, kind, name_zh, name_en, valid_from, valid_to, source, loaded_at, loaded_by
FROM public.tariff_plans
ORDER BY plan_id, loaded_at;

-- name: add_agreement
INSERT INTO base.supply_agreement
    (account, park, plan_id, capacity_kva, contracted_kw, voltage_class, demand_basis, power_factor_standard,
     valid_from, valid_to, reason, agreed_at, agreed_by)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s);

-- name: agreements_of
SELECT DISTINCT ON (account)
    account, park, plan_id, capacity_kva, contracted_kw, voltage_class, demand_basis, power_factor_standard,
    valid_from, valid_to, reason
FROM public.supply_agreements
WHERE account = ANY(%(accounts)s) AND valid_from <= %(first)s AND (valid_to IS NULL OR valid_to > %(first)s)
    AND agreed_at <= %(as_of)s
ORDER BY account, agreed_at DESC, agreement_id DESC;

-- name: agreements
SELECT account, park, plan_id, capacity_kva, contracted_kw, voltage_class, demand_basis, power_factor_standard,
    valid_from, valid_to, reason, agreed_at, agreed_by
FROM public.supply_agreements
WHERE %(account)s::text IS NULL OR account = %(account)s
ORDER BY account, agreed_at, agreement_id;

-- name: park_exists
SELECT EXISTS (SELECT FROM public.parks WHERE park = %s);

-- name: add_forecast
INSERT INTO base.heat_forecast (place, day, maximum_c, source, stated_at, stated_by) VALUES (%s, %s, %s, %s, %s, %s);

-- name: forecasts_of
SELECT DISTINCT ON (day) day, maximum_c
FROM public.heat_forecasts
WHERE place = %(place)s AND day >= %(first)s AND day < %(end)s AND stated_at <= %(as_of)s
ORDER BY day, stated_at DESC;

-- name: copy_prices
COPY base.spot_price (series, at, period_s, price_cny_per_kwh, source, loaded_at, loaded_by) FROM STDIN;

-- name: prices_of
SELECT DISTINCT ON (at) (extract(epoch FROM at) * 1000)::int8, period_s, price_cny_per_kwh
FROM public.spot_prices
WHERE series = %(series)s AND at >= %(start)s AND at < %(stop)s AND loaded_at <= %(as_of)s
ORDER BY at, loaded_at DESC;

-- name: registers_of
-- A metering point counts for the park that it stands in: what a gateway elsewhere calls its account is nobody's.
SELECT r.park_id, r.register_id, r.account, r.device_class, r.signal, r.period_s, d.simulated
FROM unnest(%(accounts)s::text[], %(parks)s::text[]) AS asked (account, park)
JOIN public.parks AS p USING (park)
JOIN public.registers AS r ON r.park_id = p.park_id AND r.account = asked.account
JOIN public.devices AS d ON d.park_id = r.park_id AND d.device_id = r.device_id
ORDER BY r.account, r.register_id;

-- name: read_in_bulk
-- A month of many registers lies together in the table, in the order in which it was metered: pages are read once in
-- their own order, three to four times as fast as register by register through the index.
SELECT set_config('enable_indexscan', 'off', true);

-- name: packed_intervals
-- All known intervals of a register of a park as one value, eight bytes each: Wh x 2^14 + quarter hour of the span x 4 + quality.
-- A row an interval would cost more on its way than everything that is done with it.
SELECT register_id, string_agg(
    int8send(
        energy_wh * 16384 + (date_part('epoch', at)::int8 - %(start_s)s) / 900 * 4
        + quality
    ), ''::bytea
)
FROM public.energy_intervals
WHERE park_id = %(park_id)s AND register_id = ANY(%(registers)s) AND at >= %(start)s AND at < %(stop)s AND energy_wh IS NOT NULL
GROUP BY register_id;

-- name: note_rule
INSERT INTO base.rule_text (version, name, text, noted_at) VALUES (%s, %s, %s, %s) ON CONFLICT (version) DO NOTHING;

-- name: rule_texts
SELECT version, name, text FROM public.rule_texts WHERE version = ANY(%s);

-- name: lock_month
SELECT pg_advisory_xact_lock(hashtextextended('bill ' || %s || ' ' || %s, 0));

-- name: add_closing
INSERT INTO base.bill_closing
    (account, month, revision, park, start_at, end_at, closed_at, closed_by, reason, plan_id, plan_version, plan_text,
     rules_as_of, rules, inputs_digest, total_cny, document)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s);

-- name: closing_of
-- An account is agreed of some park, nearly always of one, and closed only there.
SELECT account, month, revision, closed_at, closed_by, reason, plan_version, plan_text, rules_as_of, rules,
    inputs_digest, document
FROM public.bill_closings
WHERE park = ANY(ARRAY(SELECT a.park FROM public.supply_agreements AS a WHERE a.account = %(account)s))
    AND account = %(account)s AND month = %(month)s AND (revision = %(revision)s OR (%(revision)s IS NULL AND current))
ORDER BY revision DESC
LIMIT 1;

-- name: closings_of
SELECT account, month, revision, closed_at, closed_by, reason, plan_version, plan_text, rules_as_of, rules,
    inputs_digest, document
FROM public.bill_closings
WHERE park = ANY(ARRAY(SELECT a.park FROM public.supply_agreements AS a WHERE a.account = %(account)s))
    AND account = %(account)s AND month = %(month)s
ORDER BY revision;

-- name: any_closing
SELECT EXISTS (SELECT FROM base.bill_closing);

-- name: touched_closings
-- Closed months whose registers have intervals that changed since an instant. A change that was stamped before the
-- closing but committed after it is found as well; what is said counts the later ones, when there are any.
WITH changed AS MATERIALIZED (
    SELECT park_id, register_id, at, changed_at, cause FROM base.interval_energy WHERE changed_at >= %(since)s
), touched AS (
    SELECT c.account, c.month, i.at, i.cause, i.changed_at > c.closed_at AS later
    FROM changed AS i
    JOIN public.registers AS r USING (park_id, register_id)
    JOIN public.bill_closings AS c ON c.account = r.account AND c.park = r.park AND i.at >= c.start_at AND i.at < c.end_at
    WHERE c.current
)
SELECT account, month,
    coalesce(nullif(count(*) FILTER (WHERE later), 0), count(*)),
    coalesce(min(at) FILTER (WHERE later), min(at)),
    coalesce(max(at) FILTER (WHERE later), max(at)),
    string_agg(DISTINCT nullif(cause, ''), '; ') FILTER (WHERE later)
FROM touched
GROUP BY account, month
ORDER BY month, account;

-- name: followed_to
-- Where to look from: what was looked at before, or the first closing ever.
SELECT coalesce(
    (SELECT followed_to FROM base.closing_progress), (SELECT min(closed_at) FROM base.bill_closing)
);

-- name: note_followed
INSERT INTO base.closing_progress (followed_to) VALUES (%s)
ON CONFLICT (single) DO UPDATE SET followed_to = greatest(closing_progress.followed_to, excluded.followed_to);
