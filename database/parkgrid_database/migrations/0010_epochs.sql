-- Which life of which outbox a reading came in: what a trace ends at.

CREATE VIEW public.gateway_epochs AS
SELECT epoch_id, park, gateway, epoch, through, first_received_at, last_received_at
FROM base.gateway_epoch;
