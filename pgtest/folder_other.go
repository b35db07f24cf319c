//go:build !unix

package pgtest

import "context"

const migratedCluster = "migrated"

// copyCluster does nothing on this system, where package embedded has no server.
func copyCluster(context.Context, string, string) error { return nil }
