//go:build unix

package embedded_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/blotterdb/blotter/embedded"
	"github.com/jackc/pgx/v5"
)

func ExampleStart() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "blotter-example-")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()

	cfg := embedded.Config{DataDir: filepath.Join(dir, "data"), Temporary: true, Logger: quiet}
	server, err := embedded.Start(ctx, cfg)
	if err != nil {
		panic(err)
	}
	defer func() { _ = server.Stop() }()

	conn, err := pgx.Connect(ctx, server.ProgramURL())
	if err != nil {
		panic(err)
	}
	defer func() { _ = conn.Close(ctx) }()

	var database string
	err = conn.QueryRow(ctx, "select current_database()").Scan(&database)
	fmt.Println(database, err)
	// Output: blotter <nil>
}
