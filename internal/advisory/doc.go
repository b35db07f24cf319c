// Package advisory takes PostgreSQL's advisory locks, by which one process at a time does a job on a database.
package advisory
