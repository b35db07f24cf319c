package embedded

// For tests: what chooses by the machine that it runs on.
var (
	Download    = download
	InstallHint = installHintFor
)

// WithoutUsualFolders hides the installations of this machine until restore.
func WithoutUsualFolders() (restore func()) {
	was := usualFolders
	usualFolders = nil
	return func() { usualFolders = was }
}
