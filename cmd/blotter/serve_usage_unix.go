//go:build unix

package main

import (
	"fmt"
	"runtime"
	"syscall"
	"time"
)

// usage returns the processor time and the memory that this process has used, for its last log line.
func usage() []any {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return nil
	}
	kilobytes := u.Maxrss
	if runtime.GOOS == "darwin" {
		kilobytes /= 1024
	}
	return []any{
		"cpu", (time.Duration(u.Utime.Nano()) + time.Duration(u.Stime.Nano())).Round(10 * time.Millisecond),
		"memory_max_mb", fmt.Sprintf("%.1f", float64(kilobytes)/1024),
	}
}
