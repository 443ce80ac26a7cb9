SELECT base.count_days(
    %(park_id)s, %(registers)s::int4[], ARRAY(SELECT to_timestamp(ms / 1000.0) FROM unnest(%(days_ms)s::int8[]) AS ms)
)
