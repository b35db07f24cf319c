package demo

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// SampleSource is the source of the synthetic bars.
const SampleSource = "synthetic"

// sampleSeed makes every run generate the same prices.
const sampleSeed = 20240102

var (
	sampleStart   = time.Date(2024, 1, 2, 0, 0, 0, 0, time.UTC)
	sampleSymbols = []string{"SYN-A", "SYN-B", "SYN-C"}
)

// WriteSample writes synthetic daily bars up to today into a folder, one CSV file for each symbol, and returns their
// paths. Prices are whole cents. A bar depends on nothing but the days before it, so a run on a later day adds bars and
// changes none.
func WriteSample(dir string, today time.Time) ([]string, error) {
	var files []string
	for n, symbol := range sampleSymbols {
		path := filepath.Join(dir, symbol+".csv")
		if err := os.WriteFile(path, []byte(sample(uint64(n), today)), 0o600); err != nil {
			return nil, err
		}
		files = append(files, path)
	}
	return files, nil
}

// sample returns the bars of the nth symbol as CSV.
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
		opening := max(100, cents+random.Int64N(step)-step/2)
		closing := max(100, opening+random.Int64N(2*step)-step+step/40)
		high := max(opening, closing) + random.Int64N(step)
		low := max(1, min(opening, closing)-random.Int64N(step))
		volume := 100_000 + random.Int64N(900_000)

		fmt.Fprintf(&b, "%s,%s,%s,%s,%s,%s,%d\n", day.Format(time.DateOnly), samplePrice(opening), samplePrice(high),
			samplePrice(low), samplePrice(closing), samplePrice(closing), volume)
		cents = closing
	}
	return b.String()
}

func samplePrice(cents int64) string { return fmt.Sprintf("%d.%02d", cents/100, cents%100) }
