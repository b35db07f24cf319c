package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// How the server writes names, constants and expressions follows from settings, which a login or a database may have of
// its own. Catalogs are read with these.
var (
	catalogSettings = []string{"bytea_output", "DateStyle", "extra_float_digits", "IntervalStyle", "quote_all_identifiers", "standard_conforming_strings", "TimeZone", "search_path"}
	catalogValues   = []string{"hex", "ISO, MDY", "1", "postgres", "off", "on", "UTC"}
)

const (
	// sqlCatalogSettings is how they are, and the search_path without blotter's schemas: names in these are told in full.
	sqlCatalogSettings = `
select (select array_agg(current_setting(name) order by place) from unnest($1::text[]) with ordinality s(name, place)),
       (select coalesce(string_agg(quote_ident(name), ', ' order by place), '""') from unnest(current_schemas(false)) with ordinality p(name, place)
         where name not in ('data_ingestion', 'strategy_engine', 'execution', 'risk_management', 'analytics', 'logging', 'shared', 'events'))`
	sqlSetLocally = `select set_config(name, value, true) from unnest($1::text[], $2::text[]) s(name, value)`
)

// QueryCatalog reads what a query of the system's catalogs finds, always written in the same way, whatever settings the
// session has. It leaves them as they were. Its errors are those of q.
func QueryCatalog[T any](ctx context.Context, q Querier, to pgx.RowToFunc[T], sql string, args ...any) ([]T, error) {
	var were []string
	var path string
	if err := q.QueryRow(ctx, sqlCatalogSettings, catalogSettings).Scan(&were, &path); err != nil {
		return nil, err
	}
	batch := &pgx.Batch{} // outside of a transaction, a batch is one
	batch.Queue(sqlSetLocally, catalogSettings, append(catalogValues[:len(catalogValues):len(catalogValues)], path))
	batch.Queue(sql, args...)
	list, err := secondOf(q.SendBatch(ctx, batch), to)
	if err == nil {
		_, err = q.Exec(ctx, sqlSetLocally, catalogSettings, were)
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
