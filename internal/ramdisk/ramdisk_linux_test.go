package ramdisk

import "testing"

func TestSmallFoldersAreNotUsed(t *testing.T) {
	for _, test := range []struct {
		bytes uint64
		want  bool
	}{{64 << 20, false}, {roomMin - 4096, false}, {roomMin, true}} {
		if got := hasRoom(test.bytes/4096, 4096); got != test.want {
			t.Errorf("a folder with %d bytes is used: %t, want %t", test.bytes, got, test.want)
		}
	}
}
