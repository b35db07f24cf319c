package ramdisk

import (
	"os"
	"testing"
)

func TestFolderCanBeWrittenOrIsNone(t *testing.T) {
	t.Setenv("TMPDIR", "")
	dir, err := os.MkdirTemp(Folder(), "ramdisk-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(dir); err != nil {
		t.Error(err)
	}
}

// A tester who sets TMPDIR has chosen the folder.
func TestFolderYieldsToTMPDIR(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	if got := Folder(); got != "" {
		t.Errorf("with TMPDIR set, the folder is %q", got)
	}
}
