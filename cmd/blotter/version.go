package main

import "runtime/debug"

// release is the version that tools/release gives to the linker; empty in other builds.
var release string

// version returns the version of a release, otherwise the module's version as the Go toolchain recorded it.
func version() string {
	if release != "" {
		return release
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}

	return "(devel)"
}
