-- Forecasts of what resources of the pilot draw, as they were issued, so that each can be compared with what came.
-- One row is one forecast of one resource; rows older than 35 days are deleted when new ones are issued.
CREATE TABLE base.vpp_forecast (
    park text NOT NULL REFERENCES base.park,
    resource text NOT NULL,
    issued_at timestamptz NOT NULL,
    method text NOT NULL,
    -- the first quarter hour; each value is the mean power of one in W, or nothing where it is not known
    start_at timestamptz NOT NULL,
    mean_w int8[] NOT NULL,
    -- how the forecasts of the seven days before did: quarter hours compared, errors in W, how often the promise held
    scored int4 NOT NULL,
    mae_w int8 NOT NULL,
    bias_w int8 NOT NULL,
    held int4 NOT NULL,
    PRIMARY KEY (park, resource, issued_at)
);

CREATE VIEW public.vpp_forecasts AS
SELECT park, resource, issued_at, method, start_at, mean_w, scored, mae_w, bias_w, held FROM base.vpp_forecast;
