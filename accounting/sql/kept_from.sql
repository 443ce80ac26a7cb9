SELECT relation, kept_from FROM base.rollup_progress WHERE kept_from IS NOT NULL
