package monitor_test

import (
	"errors"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/monitor"
)

func TestThresholdsAreSetByName(t *testing.T) {
	t.Parallel()

	var got monitor.Thresholds
	for _, text := range []string{
		"outbox_lag=10s/1m", "partitions_ahead=2d/36h", "cache_hit_percent=90/70.5", "unused_index_bytes=1GB",
		"slot_bytes=512MB/2TB",
		"xid_age=1000000/2000000", "connections_percent=50/ 60", " unused_index_days=3 ", "dead_letters=5/5",
	} {
		if err := got.Set(text); err != nil {
			t.Error(err)
		}
	}

	want := monitor.Thresholds{
		OutboxLag:          monitor.Level[time.Duration]{Warning: 10 * time.Second, Critical: time.Minute},
		PartitionsAhead:    monitor.Level[time.Duration]{Warning: 48 * time.Hour, Critical: 36 * time.Hour},
		CacheHitPercent:    monitor.Level[float64]{Warning: 90, Critical: 70.5},
		UnusedIndexBytes:   1 << 30,
		SlotBytes:          monitor.Level[int64]{Warning: 512 << 20, Critical: 2 << 40},
		XIDAge:             monitor.Level[int64]{Warning: 1_000_000, Critical: 2_000_000},
		ConnectionsPercent: monitor.Level[int]{Warning: 50, Critical: 60},
		UnusedIndexDays:    3,
		DeadLetters:        monitor.Level[int64]{Warning: 5, Critical: 5},
	}

	if got != want {
		t.Errorf("%+v", got)
	}

	for _, text := range []string{
		"", "=", "outbox", "outbox_lag", "outbox_lag=", "outbox_lag=10s", "outbox_lag=10s/1m/2m",
		"outbox_lag=10/20", "outbox_lag=0s/1m", "outbox_lag=-1s/1m",
		"outbox_lag=999999d/1m", "outbox_lag=7s/bad", "cache_hit_percent=NaN/1", "cache_hit_percent=0/1",
		"unused_index_bytes=0", "unused_index_bytes=1d", "unused_index_bytes=1.5GB",
		"unused_index_bytes=999999999999999TB", "xid_age=1/99999999999999999999", "OutboxLag=1s/2s",
		"connections_percent=-1/2",
		"outbox_lag=5m/1m", "cache_hit_percent=80/95", "partitions_ahead=7d/31d",
	} {
		if err := got.Set(text); !errors.Is(err, blotter.ErrInvalid) {
			t.Errorf("%q: %v", text, err)
		}
	}

	if got != want {
		t.Errorf("what is refused has changed something: %+v", got)
	}
}
