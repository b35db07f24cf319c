// Package schema is the database schema of blotter: its migrations, the roles that it grants to, and the catalog that
// a migrated database must have.
//
//	m, err := schema.NewMigrator(ctx, os.Getenv("DATABASE_URL"))
//	defer m.Close()
//
//	applied, err := m.Up(ctx)        // apply what is pending
//	differences, err := m.Verify(ctx) // compare the database with what the migrations make
//
// Migrations are files of migrations/, applied in the order of their numbers, each in a transaction of its own. After a
// change of one, `make catalog` writes catalog.txt, with which Verify and Drift compare the live catalog.
//
// RolesSQL prepares a database in production: the roles, and a login for each.
package schema
