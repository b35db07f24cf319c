//go:build unix

package embedded

import "os"

// For tests: what chooses by the machine that it runs on.
var (
	Download    = download
	InstallHint = installHintFor
	WriteFile   = writeFile
	ReplaceText = replaceText
)

// MakeSocketDir creates the folder of the socket for a data folder.
func MakeSocketDir(dataDir string) (string, error) {
	p := &prepared{cfg: Config{DataDir: dataDir}, uid: os.Getuid(), gid: os.Getgid()}
	if p.uid == 0 {
		p.uid, p.gid = 65534, 65534
	}
	return p.makeSocketDir()
}

// WithoutUsualFolders hides the installations of this machine until restore.
func WithoutUsualFolders() (restore func()) {
	was := usualFolders
	usualFolders = nil
	return func() { usualFolders = was }
}
