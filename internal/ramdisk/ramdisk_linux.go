package ramdisk

import (
	"os"
	"syscall"
)

const (
	folder = "/dev/shm"
	// roomMin is the free space below which the folder is not used: the servers of two test binaries need up to half of
	// it. Containers often have 64 MB there.
	roomMin = 6 << 30
)

// Folder returns a folder in memory, or "", with which os.MkdirTemp uses the usual folder of temporary files: on
// systems without one, if there is little room, or if TMPDIR is set.
func Folder() string {
	if os.Getenv("TMPDIR") != "" {
		return ""
	}
	var stat syscall.Statfs_t
	if err := syscall.Statfs(folder, &stat); err != nil || !hasRoom(stat.Bavail, stat.Bsize) {
		return ""
	}

	return folder
}

func hasRoom(blocks uint64, size int64) bool { return blocks*uint64(size) >= roomMin }
