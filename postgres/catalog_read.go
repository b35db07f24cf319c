package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// Catalogs are read with the pinned settings, on whichever connection, and with a search_path.
func catalogSettings(path string) (names, values []string) {
	names, values = pinnedSettings()
	return append(names, "search_path"), append(values, path)
}

const (
	// sqlCatalogSettings is how they are, and the search_path without blotter's schemas: names in these are told in full.
	sqlCatalogSettings = `
select (select array_agg(coalesce(current_setting(name, true), '') order by place) from unnest($1::text[]) with ordinality s(name, place)),
       (select coalesce(string_agg(quote_ident(name), ', ' order by place), '""') from unnest(current_schemas(false)) with ordinality p(name, place)
         where name not in ('data_ingestion', 'strategy_engine', 'execution', 'risk_management', 'analytics', 'logging', 'shared', 'events'))`
	sqlSetLocally = `select set_config(name, value, true) from unnest($1::text[], $2::text[]) s(name, value)`
)

// QueryCatalog reads what a query of the system's catalogs finds, always written in the same way, whatever settings the
// session has. It leaves them as they were. Its errors are those of q.
func QueryCatalog[T any](ctx context.Context, q Querier, to pgx.RowToFunc[T], sql string, args ...any) ([]T, error) {
	names, _ := catalogSettings("")
	var were []string
	var path string
	if err := q.QueryRow(ctx, sqlCatalogSettings, names).Scan(&were, &path); err != nil {
		return nil, err
	}

	_, values := catalogSettings(path)
	batch := &pgx.Batch{} // outside of a transaction, a batch is one
	batch.Queue(sqlSetLocally, names, values)
	batch.Queue(sql, args...)
	list, err := secondOf(q.SendBatch(ctx, batch), to)
	if err == nil {
		_, err = q.Exec(ctx, sqlSetLocally, names, were)
	}
	return list, err
}

// secondOf collects the rows of a batch's second statement.
func secondOf[T any](results pgx.BatchResults, to pgx.RowToFunc[T]) (list []T, err error) {
	if _, err = results.Exec(); err == nil {
		rows, _ := results.Query() // its error is that of the rows
		list, err = pgx.CollectRows(rows, to)
	}
	if closing := results.Close(); err == nil {
		err = closing
	}
	return list, err
}
