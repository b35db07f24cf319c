package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
)

func backends(role string) (ms float64) {
	list, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, p := range list {
		c, _ := os.ReadFile(p)
		if !strings.Contains(string(c), "postgres: ") || !strings.Contains(string(c), role) {
			continue
		}
		st, _ := os.ReadFile(filepath.Join(filepath.Dir(p), "stat"))
		f := strings.Fields(string(st[strings.LastIndexByte(string(st), ')')+1:]))
		if len(f) < 13 {
			continue
		}
		u, _ := strconv.Atoi(f[11])
		s, _ := strconv.Atoi(f[12])
		ms += float64(u+s) * 10
	}
	return ms
}

func self() float64 {
	var r syscall.Rusage
	_ = syscall.Getrusage(0, &r)
	return float64(r.Utime.Nano()+r.Stime.Nano()) / 1e6
}

func BenchmarkCPU(b *testing.B) {
	plain, ours := newDesk(b, 400_000), newDesk(b, 1_500_000)
	book := ours.startBook(b)
	for b.Loop() {
		for _, c := range []int{1, 8, 64} {
			for name, f := range map[string]func(context.Context, blotter.Trade) error{"naive": plain.naive, "single": ours.execute, "book": book} {
				d := ours
				if name == "naive" {
					d = plain
				}
				d.run(b, c, time.Second, f)
				n0, s0, p0 := d.next.Load(), self(), backends(d.db.Name)
				r := d.run(b, c, 3*time.Second, f)
				n := float64(d.next.Load()-n0) * fillsPerOrder
				fmt.Printf("%d %-7s client %6.0f us/fill, server %6.0f us/fill   %s\n", c, name, (self()-s0)*1000/n, (backends(d.db.Name)-p0)*1000/n, r)
			}
		}
	}
}
