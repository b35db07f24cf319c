//go:build !unix

package main

// usage returns nothing, because the system does not tell.
func usage() []any { return nil }
