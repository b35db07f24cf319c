//go:build !unix

package main

// usage is what this process has used of the machine, which is not known here.
func usage() []any { return nil }
