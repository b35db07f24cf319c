package embedded

import "syscall"

// capDACReadSearch is the capability to pass through folders that are closed to the user (capabilities(7)).
const capDACReadSearch = 2

// letEnter lets the server, which runs for root as another user, reach a data folder inside a folder that only root may
// enter.
func letEnter(attr *syscall.SysProcAttr) bool {
	attr.AmbientCaps = []uintptr{capDACReadSearch}
	return true
}
