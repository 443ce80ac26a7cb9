-- Where the first usable reading of a register is looked for, while none of its intervals is settled: there is none before
-- this instant, of its counter or of the power that can stand in for it, but in news. NULL: everything is looked through, once.
ALTER TABLE base.register ADD COLUMN sought_from timestamptz;
