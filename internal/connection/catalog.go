package connection

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Querier is a session or a connection that reads a catalog.
type Querier interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	SendBatch(ctx context.Context, batch *pgx.Batch) pgx.BatchResults
}

const (
	// sqlCatalogSettings reads the present settings, and the search_path without blotter's schemas: the server then
	// writes their names in full.
	sqlCatalogSettings = `
select (select array_agg(coalesce(current_setting(name, true), '') order by place)
          from unnest($1::text[]) with ordinality s(name, place)),
       (select coalesce(string_agg(quote_ident(name), ', ' order by place), '""')
          from unnest(current_schemas(false)) with ordinality p(name, place)
         where name not in ('data_ingestion', 'strategy_engine', 'execution', 'risk_management', 'analytics',
                            'logging', 'shared', 'events', 'dashboard'))`
	sqlSetLocally = `select set_config(name, value, true) from unnest($1::text[], $2::text[]) s(name, value)`
)

// QueryCatalog runs a query of the system catalogs under the pinned settings, so that the server writes its result in
// the same way whatever settings the session has, and restores the session's settings. Its errors are those of q.
func QueryCatalog[T any](ctx context.Context, q Querier, to pgx.RowToFunc[T], sql string, args ...any) ([]T, error) {
	names, values := pinnedSettings()
	names = append(names, "search_path")

	var before []string
	var path string
	if err := q.QueryRow(ctx, sqlCatalogSettings, names).Scan(&before, &path); err != nil {
		return nil, err
	}

	values = append(values, path)
	batch := &pgx.Batch{} // outside a transaction, a batch is one
	batch.Queue(sqlSetLocally, names, values)
	batch.Queue(sql, args...)

	list, err := collectSecond(q.SendBatch(ctx, batch), to)
	if err == nil {
		_, err = q.Exec(ctx, sqlSetLocally, names, before)
	}
	return list, err
}

// collectSecond returns the rows of a batch's second statement.
func collectSecond[T any](results pgx.BatchResults, to pgx.RowToFunc[T]) (list []T, err error) {
	if _, err = results.Exec(); err == nil {
		rows, _ := results.Query() // CollectRows returns its error
		list, err = pgx.CollectRows(rows, to)
	}
	if closing := results.Close(); err == nil {
		err = closing
	}
	return list, err
}
