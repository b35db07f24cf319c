package embedded

import "syscall"

// capDACReadSearch lets a process pass through folders that are closed to its user (capabilities(7)).
const capDACReadSearch = 2

// letEnter gives the server, which runs for root as another user, the way to a data folder inside a folder that only
// root may enter.
func letEnter(attr *syscall.SysProcAttr) bool {
	attr.AmbientCaps = []uintptr{capDACReadSearch}
	return true
}
