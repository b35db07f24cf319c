package embedded

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Client is a program that is connected to a server.
type Client struct {
	Name        string // its application_name, or ""
	Connections int
}

// clientsTimeout bounds the query of connected programs.
const clientsTimeout = 5 * time.Second

const sqlClients = `
select application_name, count(*)
  from pg_stat_activity
 where backend_type = 'client backend' and pid <> pg_backend_pid()
 group by 1 order by 2 desc, 1`

// Clients returns the programs that are connected to the server, those with the most connections first.
func (s State) Clients(ctx context.Context) ([]Client, error) {
	ctx, cancel := context.WithTimeout(ctx, clientsTimeout)
	defer cancel()

	conn, err := pgx.Connect(ctx, s.AdminURL("postgres"))
	if err != nil {
		return nil, fmt.Errorf("list connected programs: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))

	rows, err := conn.Query(ctx, sqlClients)
	if err != nil {
		return nil, fmt.Errorf("list connected programs: %w", err)
	}

	return pgx.CollectRows(rows, pgx.RowToStructByPos[Client])
}
