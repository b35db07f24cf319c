package monitor

import (
	"cmp"
	"time"
)

// Level holds the values at which a metric becomes a warning or critical.
type Level[T cmp.Ordered] struct{ Warning, Critical T }

// grade returns the severity of a value that is worse the higher it is, or "" below both levels.
func (l Level[T]) grade(value T) Severity {
	switch {
	case value >= l.Critical:
		return Critical
	case value >= l.Warning:
		return Warning
	}
	return ""
}

// gradeLow returns the severity of a value that is worse the lower it is, or "" above both levels.
func (l Level[T]) gradeLow(value T) Severity {
	switch {
	case value <= l.Critical:
		return Critical
	case value <= l.Warning:
		return Warning
	}
	return ""
}

// Thresholds says when a metric becomes a finding. A zero field means its default.
type Thresholds struct {
	ConnectionsPercent Level[int]           // of what the server lets ordinary logins open. Default 80, 95
	PoolWait           Level[time.Duration] // mean wait for a pool's connection since the last run. Default 100 ms, 1 s
	LongTransaction    Level[time.Duration] // since it began. Default 1 min, 5 min
	IdleInTransaction  Level[time.Duration] // since its last statement. Default 1 min, 5 min
	Blocked            Level[time.Duration] // the longest wait behind one session. Default 5 s, 30 s

	DeadlocksPerHour    Level[float64] // Default 1, 60
	TempBytesPerHour    Level[int64]   // written to temporary files. Default 1 GB, 20 GB
	CacheHitPercent     Level[float64] // of block reads served from memory; lower is worse. Default 95, 80
	CacheHitReadsMin    int64          // block reads below which the percentage means nothing. Default 100,000
	UnusedIndexBytes    int64          // size from which an unused index is a finding. Default 10 MB
	UnusedIndexScans    int64          // scans up to which an index counts as unused. Default 50
	UnusedIndexDays     int            // days of statistics that are needed. Default 14
	MissingIndexRows    int64          // rows from which a table needs an index. Default 10,000
	MissingIndexScans   int64          // reads of the whole table from which it needs one. Default 1,000
	MissingIndexPercent int            // of its reads that use an index; lower is a finding. Default 95

	DeadTuplesPercent Level[int]           // of a table's rows. Default 20, 50
	DeadTuplesMin     int64                // dead rows below which the percentage means nothing. Default 10,000
	UnvacuumedAge     Level[time.Duration] // since the last vacuum of a table that has changed. Default 7 d, 30 d
	UnanalyzedRows    int64                // rows from which a parent has to be analyzed. Default 10,000
	XIDAge            Level[int64]         // transactions since the oldest unfrozen row. Default 500 M, 1,200 M
	MultixactAge      Level[int64]         // multixacts since the oldest unfrozen row. Default 500 M, 1,200 M
	SequencePercent   Level[int]           // of the numbers of a sequence. Default 75, 90

	ReplicationLag   Level[time.Duration] // Default 10 s, 5 min
	ReplicationBytes Level[int64]         // of WAL that a replica has not replayed. Default 256 MB, 4 GB
	SlotBytes        Level[int64]         // of WAL that an unused slot keeps. Default 1 B (any), 4 GB

	PartitionsAhead Level[time.Duration] // until the partitions end; lower is worse. Default 31 d, 7 d
	OutboxRoom      Level[int]           // percent of a partition that is free; lower is worse. Default 10, 1

	OutboxLag   Level[time.Duration] // age of the oldest event that a consumer has not applied. Default 30 s, 5 min
	DeadLetters Level[int64]         // events that could not be applied. Default 1, 100

	AuditUnsealed Level[time.Duration] // age of the oldest entry of the audit log that is not sealed. Default 1 h, 1 d

	JobOverdue Level[time.Duration] // since a job last succeeded. Default 2 d, 7 d
	JobRunning Level[time.Duration] // since a running job began. Default 6 h, 24 h
}

const (
	day      = 24 * time.Hour
	kilobyte = 1024
	megabyte = 1024 * kilobyte
	gigabyte = 1024 * megabyte
	million  = 1_000_000
)

// WithDefaults returns t with the defaults of its zero fields.
func (t Thresholds) WithDefaults() Thresholds {
	t.ConnectionsPercent = cmp.Or(t.ConnectionsPercent, Level[int]{80, 95})
	t.PoolWait = cmp.Or(t.PoolWait, Level[time.Duration]{100 * time.Millisecond, time.Second})
	t.LongTransaction = cmp.Or(t.LongTransaction, Level[time.Duration]{time.Minute, 5 * time.Minute})
	t.IdleInTransaction = cmp.Or(t.IdleInTransaction, Level[time.Duration]{time.Minute, 5 * time.Minute})
	t.Blocked = cmp.Or(t.Blocked, Level[time.Duration]{5 * time.Second, 30 * time.Second})
	t.DeadlocksPerHour = cmp.Or(t.DeadlocksPerHour, Level[float64]{1, 60})
	t.TempBytesPerHour = cmp.Or(t.TempBytesPerHour, Level[int64]{gigabyte, 20 * gigabyte})
	t.CacheHitPercent = cmp.Or(t.CacheHitPercent, Level[float64]{95, 80})
	t.CacheHitReadsMin = cmp.Or(t.CacheHitReadsMin, 100_000)
	t.UnusedIndexBytes = cmp.Or(t.UnusedIndexBytes, 10*megabyte)
	t.UnusedIndexScans = cmp.Or(t.UnusedIndexScans, 50)
	t.UnusedIndexDays = cmp.Or(t.UnusedIndexDays, 14)
	t.MissingIndexRows = cmp.Or(t.MissingIndexRows, 10_000)
	t.MissingIndexScans = cmp.Or(t.MissingIndexScans, 1_000)
	t.MissingIndexPercent = cmp.Or(t.MissingIndexPercent, 95)
	t.DeadTuplesPercent = cmp.Or(t.DeadTuplesPercent, Level[int]{20, 50})
	t.DeadTuplesMin = cmp.Or(t.DeadTuplesMin, 10_000)
	t.UnvacuumedAge = cmp.Or(t.UnvacuumedAge, Level[time.Duration]{7 * day, 30 * day})
	t.UnanalyzedRows = cmp.Or(t.UnanalyzedRows, 10_000)
	t.XIDAge = cmp.Or(t.XIDAge, Level[int64]{500 * million, 1200 * million})
	t.MultixactAge = cmp.Or(t.MultixactAge, Level[int64]{500 * million, 1200 * million})
	t.SequencePercent = cmp.Or(t.SequencePercent, Level[int]{75, 90})
	t.ReplicationLag = cmp.Or(t.ReplicationLag, Level[time.Duration]{10 * time.Second, 5 * time.Minute})
	t.ReplicationBytes = cmp.Or(t.ReplicationBytes, Level[int64]{256 * megabyte, 4 * gigabyte})
	t.SlotBytes = cmp.Or(t.SlotBytes, Level[int64]{1, 4 * gigabyte})
	t.PartitionsAhead = cmp.Or(t.PartitionsAhead, Level[time.Duration]{31 * day, 7 * day})
	t.OutboxRoom = cmp.Or(t.OutboxRoom, Level[int]{10, 1})
	t.OutboxLag = cmp.Or(t.OutboxLag, Level[time.Duration]{30 * time.Second, 5 * time.Minute})
	t.DeadLetters = cmp.Or(t.DeadLetters, Level[int64]{1, 100})
	t.AuditUnsealed = cmp.Or(t.AuditUnsealed, Level[time.Duration]{time.Hour, day})
	t.JobOverdue = cmp.Or(t.JobOverdue, Level[time.Duration]{2 * day, 7 * day})
	t.JobRunning = cmp.Or(t.JobRunning, Level[time.Duration]{6 * time.Hour, 24 * time.Hour})

	return t
}
