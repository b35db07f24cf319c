//go:build !linux

package ramdisk

// Folder returns "": there is no folder in memory.
func Folder() string { return "" }
