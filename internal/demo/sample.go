package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	sampleSource = "synthetic"
	sampleSeed   = 20240102 // every run makes the same walk for the same day
)

// writeSample writes generated daily bars from sampleStart up to today, one file a symbol, and returns their paths.
// Prices are whole cents throughout. A day's bar depends on the days since sampleStart alone, so a run on a later day
// adds bars and changes none.
func writeSample(dir string, today time.Time) ([]string, error) {
	var files []string
	for n, symbol := range []string{"SYN-A", "SYN-B", "SYN-C"} {
		path := filepath.Join(dir, symbol+".csv")
		if err := os.WriteFile(path, []byte(sample(uint64(n), today)), 0o600); err != nil {
			return nil, err
		}
		files = append(files, path)
	}
	return files, nil
}

var sampleStart = time.Date(2024, 1, 2, 0, 0, 0, 0, time.UTC)

func sample(n uint64, today time.Time) string {
	random := rand.New(rand.NewPCG(sampleSeed, n))
	var b strings.Builder
	b.WriteString("Date,Open,High,Low,Close,Adj Close,Volume\n")
	cents := 5000 * (int64(n) + 1)
	for day := sampleStart; day.Before(today); day = day.AddDate(0, 0, 1) {
		if day.Weekday() == time.Saturday || day.Weekday() == time.Sunday {
			continue
		}
		step := cents/50 + 1 // a day moves by up to 2 %
		open := max(100, cents+random.Int64N(step)-step/2)
		last := max(100, open+random.Int64N(2*step)-step+step/40)
		high, low := max(open, last)+random.Int64N(step), max(1, min(open, last)-random.Int64N(step))
		fmt.Fprintf(&b, "%s,%s,%s,%s,%s,%s,%d\n", day.Format(time.DateOnly),
			samplePrice(open), samplePrice(high), samplePrice(low), samplePrice(last), samplePrice(last), 100_000+random.Int64N(900_000))
		cents = last
	}
	return b.String()
}

func samplePrice(cents int64) string { return fmt.Sprintf("%d.%02d", cents/100, cents%100) }
