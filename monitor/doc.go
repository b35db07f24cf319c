// Package monitor watches the database: checks, each with a sentence that says what to do. It changes nothing but tables
// of its own.
package monitor
