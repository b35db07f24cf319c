// Package backup dumps and restores the schemas of blotter with PostgreSQL's own programs, and counts the rows of every
// table on both sides: a dump made under row-level security lacks rows without an error.
package backup
