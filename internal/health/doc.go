// Package health keeps whether a service does its work, and logs when that changes.
package health
