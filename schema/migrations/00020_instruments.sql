-- +goose Up
-- What somebody stated of an instrument is told apart from what is only a default: a default is asked for where it
-- decides about money, a statement is taken.
ALTER TABLE data_ingestion.instruments
    ADD name        text NOT NULL DEFAULT '' CHECK (length(name) <= 200),
    ADD asset_class text NOT NULL DEFAULT '' CHECK (length(asset_class) <= 50),
    ADD stated      text[] NOT NULL DEFAULT '{}', -- names of the columns that somebody stated
    ADD CONSTRAINT instruments_stated_columns CHECK (
        stated <@ ARRAY['multiplier', 'currency', 'allows_negative', 'calendar', 'asset_class', 'name'] AND array_position(stated, NULL) IS NULL);

-- Imports of bars make instruments with defaults alone: one that differs was written by somebody, who accepted both.
UPDATE data_ingestion.instruments SET stated = '{currency,multiplier}' WHERE currency <> 'USD' OR multiplier <> 1;

-- Imports make instruments by the thousand, all of them defaults: that is not recorded. What changes in one is.
SELECT shared.audited('data_ingestion.instruments', '{symbol}', false);

-- +goose Down
DROP TRIGGER audit_update ON data_ingestion.instruments;
DROP TRIGGER audit_delete ON data_ingestion.instruments;
DROP TRIGGER audit_truncate ON data_ingestion.instruments;
ALTER TABLE data_ingestion.instruments DROP CONSTRAINT instruments_stated_columns, DROP stated, DROP asset_class, DROP name;
