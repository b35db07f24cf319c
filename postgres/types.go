package postgres

import (
	"github.com/blotterdb/blotter/internal/numeric"
	"github.com/jackc/pgx/v5/pgtype"
)

// RegisterTypes makes a connection of pgx's own carry NUMERIC as blotter.Decimal and scan instants as UTC, as every
// session of this package does. By itself, pgx scans them in the zone of the machine.
func RegisterTypes(m *pgtype.Map) { numeric.Register(m) }
