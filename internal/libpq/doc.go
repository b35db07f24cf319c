// Package libpq hands database URLs to PostgreSQL's own programs, such as psql and pg_dump. Passwords go through the
// environment or a file, because everybody can see a command line.
package libpq
