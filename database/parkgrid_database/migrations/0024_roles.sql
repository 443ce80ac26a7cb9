-- Days and spreading follow from what others write: they run as the owner, so that no writer needs rights on their tables.
-- Owner and rights are set after the last migration, by `ingest.roles`.

ALTER FUNCTION base.add_to_days() SECURITY DEFINER;
ALTER FUNCTION base.count_changed_days() SECURITY DEFINER;
ALTER FUNCTION base.forget_days() SECURITY DEFINER;
ALTER FUNCTION base.move_days() SECURITY DEFINER;
ALTER FUNCTION base.spread_anew() SECURITY DEFINER;
