package schema

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"slices"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/pgerror"
	"github.com/jackc/pgx/v5"
	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// Version returns the version of the schema that this version of the library works with.
func Version() int64 {
	newest, _ := goose.NumericComponent(slices.Max(migrationNames()))
	return newest
}

// Digest returns a digest of the text of the migrations, in hexadecimal.
func Digest() string {
	digest := sha256.New()
	for _, name := range migrationNames() {
		text, _ := migrationFiles.ReadFile(name)
		digest.Write(text)
	}
	return hex.EncodeToString(digest.Sum(nil))
}

func migrationNames() []string {
	names, _ := fs.Glob(migrationFiles, "migrations/*.sql") // the pattern is valid
	return names
}

const sqlVersion = `select coalesce(max(version_id) filter (where is_applied), 0) from shared.schema_version`

// CheckVersion refuses a database whose schema is older or newer than Version.
func CheckVersion(ctx context.Context, conn *pgx.Conn) error {
	var version int64
	if err := conn.QueryRow(ctx, sqlVersion).Scan(&version); err != nil {
		// The first migration grants the table; another program's table of this name has other columns.
		if state := pgerror.ServerState(err); state == "42501" || state == "42703" {
			return NotMigratedError()
		}
		return pgerror.Translate(ctx, "open", err)
	}

	switch want := Version(); {
	case version < want:
		return versionError(fmt.Sprintf("the database's schema is version %d and this blotter needs %d; "+
			"run blotter migrate up", version, want))
	case version > want:
		return versionError(fmt.Sprintf("the database's schema is version %d and this blotter knows only %d; "+
			"install a newer blotter", version, want))
	}
	return nil
}

// NotMigratedError returns the error for a database without the schema.
func NotMigratedError() error {
	return versionError("the database holds no blotter schema; run blotter migrate up")
}

func versionError(message string) error {
	return &blotter.Error{Op: "open", Kind: blotter.ErrOperational, Message: message}
}
