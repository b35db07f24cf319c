// Package pgerror turns the errors of pgx and of the server into *blotter.Error, by SQLSTATE and constraint name and
// never by message text. Every package that talks to PostgreSQL translates its errors here.
package pgerror
