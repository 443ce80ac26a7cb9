-- New intervals are added to their days, without a look at those that were there.
INSERT INTO base.energy_day AS known
    (park_id, register_id, at, energy_wh, changed_at, expected, received, valid, estimated, late, good,
     estimated_intervals, missing_rows)
SELECT
    %(park_id)s, d.register_id, to_timestamp(d.day_ms / 1000.0),
    CASE WHEN d.good + d.estimated_intervals > 0 THEN d.energy_wh END, %(now)s, d.expected, d.received, d.valid,
    d.estimated, d.late, d.good, d.estimated_intervals, d.missing_rows
FROM unnest(
    %(registers)s::int4[], %(days_ms)s::int8[], %(energy_wh)s::int8[], %(expected)s::int8[], %(received)s::int8[],
    %(valid)s::int8[], %(estimated)s::int8[], %(late)s::int8[], %(good)s::int4[], %(estimated_intervals)s::int4[],
    %(missing_rows)s::int4[]
) AS d (
    register_id, day_ms, energy_wh, expected, received, valid, estimated, late, good, estimated_intervals, missing_rows
)
ON CONFLICT (park_id, register_id, at) DO UPDATE SET
    energy_wh = coalesce(known.energy_wh + excluded.energy_wh, known.energy_wh, excluded.energy_wh),
    changed_at = greatest(known.changed_at, excluded.changed_at),
    expected = known.expected + excluded.expected, received = known.received + excluded.received,
    valid = known.valid + excluded.valid, estimated = known.estimated + excluded.estimated,
    late = known.late + excluded.late, good = known.good + excluded.good,
    estimated_intervals = known.estimated_intervals + excluded.estimated_intervals,
    missing_rows = known.missing_rows + excluded.missing_rows
