-- What electricity costs and who buys how: plan files, supply agreements, forecasts, market prices, closed months.
-- Everything here is append-only: what was agreed and what was billed stay readable for ever.

-- A plan file as it was loaded; its version is the digest of its text, so an edited file is another version.
CREATE TABLE base.tariff_plan (
    plan_id text NOT NULL,
    version text NOT NULL CHECK (version ~ '^[0-9a-f]{64}$'),
    text text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('administrative_tou', 'retail_curve', 'spot')),
    name_zh text NOT NULL,
    name_en text NOT NULL,
    valid_from date NOT NULL,
    -- the first day after validity; NULL: no end is known
    valid_to date CHECK (valid_to > valid_from),
    source text NOT NULL,
    loaded_at timestamptz NOT NULL,
    loaded_by text NOT NULL CHECK (loaded_by <> ''),
    PRIMARY KEY (plan_id, version)
);

-- The texts of other rules that a closed month used: calendars, the power-factor table.
CREATE TABLE base.rule_text (
    version text PRIMARY KEY CHECK (version ~ '^[0-9a-f]{64}$'),
    name text NOT NULL,
    text text NOT NULL,
    noted_at timestamptz NOT NULL
);

-- How an account is supplied, by whole months; the latest statement for a month holds.
CREATE TABLE base.supply_agreement (
    park text NOT NULL REFERENCES base.park (park),
    agreement_id int8 GENERATED ALWAYS AS IDENTITY,
    account text NOT NULL CHECK (account <> ''),
    plan_id text NOT NULL,
    capacity_kva numeric CHECK (capacity_kva > 0 AND capacity_kva < 'Infinity'),
    contracted_kw numeric CHECK (contracted_kw > 0 AND contracted_kw < 'Infinity'),
    voltage_class text NOT NULL DEFAULT '',
    demand_basis text NOT NULL CHECK (demand_basis IN ('none', 'capacity', 'contracted_demand', 'measured_demand')),
    -- NULL: no power-factor adjustment
    power_factor_standard numeric CHECK (power_factor_standard > 0 AND power_factor_standard <= 1),
    valid_from date NOT NULL CHECK (extract(day FROM valid_from) = 1),
    valid_to date CHECK (valid_to > valid_from AND extract(day FROM valid_to) = 1),
    reason text NOT NULL DEFAULT '',
    agreed_at timestamptz NOT NULL,
    agreed_by text NOT NULL CHECK (agreed_by <> ''),
    PRIMARY KEY (park, agreement_id)
);

CREATE INDEX supply_agreement_account ON base.supply_agreement (account, valid_from);

-- The forecast of a day's maximum temperature, where a plan asks for it; the latest statement holds.
CREATE TABLE base.heat_forecast (
    forecast_id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    place text NOT NULL,
    day date NOT NULL,
    maximum_c numeric NOT NULL CHECK (maximum_c BETWEEN -50 AND 60),
    source text NOT NULL CHECK (source <> ''),
    stated_at timestamptz NOT NULL,
    stated_by text NOT NULL CHECK (stated_by <> '')
);

CREATE INDEX heat_forecast_day ON base.heat_forecast (place, day);

-- Prices of a market series; the latest statement for a span holds.
CREATE TABLE base.spot_price (
    price_id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    series text NOT NULL,
    at timestamptz NOT NULL,
    period_s int4 NOT NULL CHECK (period_s IN (900, 1800, 3600)),
    price_cny_per_kwh numeric NOT NULL CHECK (price_cny_per_kwh BETWEEN -1000 AND 1000),
    source text NOT NULL CHECK (source <> ''),
    loaded_at timestamptz NOT NULL,
    loaded_by text NOT NULL CHECK (loaded_by <> '')
);

CREATE INDEX spot_price_series ON base.spot_price (series, at);

-- A closed month. Late data make a new revision; nothing else does, and no revision ever changes.
CREATE TABLE base.bill_closing (
    account text NOT NULL,
    month text NOT NULL CHECK (month ~ '^[0-9]{4}-[0-9]{2}$'),
    revision int4 NOT NULL CHECK (revision > 0),
    park text NOT NULL,
    start_at timestamptz NOT NULL,
    end_at timestamptz NOT NULL,
    closed_at timestamptz NOT NULL,
    closed_by text NOT NULL CHECK (closed_by <> ''),
    reason text NOT NULL CHECK (reason <> ''),
    plan_id text NOT NULL,
    plan_version text NOT NULL,
    plan_text text NOT NULL,
    -- agreements, forecasts and market prices as they were known at this instant
    rules_as_of timestamptz NOT NULL,
    -- name to version of the other rules
    rules jsonb NOT NULL,
    -- SHA-256 over every interval that it counts
    inputs_digest text NOT NULL,
    total_cny numeric NOT NULL,
    document jsonb NOT NULL,
    PRIMARY KEY (park, account, month, revision)
);

-- How far changed intervals have been looked at for the sake of closed months; one row.
CREATE TABLE base.closing_progress (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    followed_to timestamptz NOT NULL
);

DO $$
DECLARE
    relation text;
BEGIN
    FOREACH relation IN ARRAY ARRAY[
        'tariff_plan', 'rule_text', 'supply_agreement', 'heat_forecast', 'spot_price', 'bill_closing'
    ] LOOP
        EXECUTE format(
            'CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON base.%I '
            'FOR EACH STATEMENT EXECUTE FUNCTION base.refuse_change()', relation);
    END LOOP;
END
$$;

CREATE VIEW public.tariff_plans AS
SELECT plan_id, version, kind, name_zh, name_en, valid_from, valid_to, source, text, loaded_at, loaded_by
FROM base.tariff_plan;

CREATE VIEW public.supply_agreements AS
SELECT
    agreement_id, account, park, plan_id, capacity_kva, contracted_kw, voltage_class, demand_basis,
    power_factor_standard, valid_from, valid_to, reason, agreed_at, agreed_by
FROM base.supply_agreement;

CREATE VIEW public.heat_forecasts AS
SELECT place, day, maximum_c, source, stated_at, stated_by FROM base.heat_forecast;

CREATE VIEW public.spot_prices AS
SELECT series, at, period_s, price_cny_per_kwh, source, loaded_at, loaded_by FROM base.spot_price;

CREATE VIEW public.rule_texts AS
SELECT version, name, text, noted_at FROM base.rule_text;

-- Every revision of every closed month, the current one marked.
CREATE VIEW public.bill_closings AS
SELECT
    account, month, revision, park, start_at, end_at, closed_at, closed_by, reason, plan_id, plan_version, plan_text,
    rules_as_of, rules, inputs_digest, total_cny, document,
    revision = max(revision) OVER (PARTITION BY park, account, month) AS current
FROM base.bill_closing;
