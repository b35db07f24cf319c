// Package retry waits between two attempts.
package retry
