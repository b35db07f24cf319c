-- +goose Up
-- What the runner of maintenance and the readers of logs need.

-- A run whose runner died is marked so by the next one.
ALTER TABLE shared.maintenance_runs DROP CONSTRAINT maintenance_runs_result_check;
ALTER TABLE shared.maintenance_runs ADD CONSTRAINT maintenance_runs_result_check
    CHECK (result IN ('running', 'ok', 'failed', 'killed'));

-- The last runs of a job are those with the highest numbers: a clock that was set back does not change that.
DROP INDEX shared.idx_maintenance_runs_job;
CREATE INDEX idx_maintenance_runs_job ON shared.maintenance_runs (job, id DESC);

-- Who follows the log asks for the numbers behind the last one. (A BRIN index would be smaller, but knows nothing of the
-- newest pages until a VACUUM, and those are what is asked for.)
CREATE INDEX idx_system_logs_id ON logging.system_logs (id);

-- +goose Down
DROP INDEX logging.idx_system_logs_id;
DROP INDEX shared.idx_maintenance_runs_job;
CREATE INDEX idx_maintenance_runs_job ON shared.maintenance_runs (job, started_at DESC);
UPDATE shared.maintenance_runs SET result = 'failed' WHERE result = 'killed';
ALTER TABLE shared.maintenance_runs DROP CONSTRAINT maintenance_runs_result_check;
ALTER TABLE shared.maintenance_runs ADD CONSTRAINT maintenance_runs_result_check CHECK (result IN ('running', 'ok', 'failed'));
