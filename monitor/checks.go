package monitor

// Checks returns all checks of a database, in the order in which they are shown. The checks of activity compare with
// their last run, so a daemon calls Checks once and keeps the result.
func Checks(t Thresholds) []Check {
	t = t.WithDefaults()
	var list []Check
	for _, check := range []func(Thresholds) Check{
		rights, connections, longTransactions, idleInTransaction, blocking, takenLocks,
		deadlocks, tempFiles, cacheHit,
		invalidIndexes, redundantIndexes, unusedIndexes, foreignKeyIndexes, missingIndexes,
		deadTuples, vacuumAge, unanalyzedParents, xidAge, multixactAge, sequences,
		replicationLag, slots, archiver,
		partitionsAhead, partitionGaps, detachPending, foreignPartitions, outboxRoom,
		outboxLag, deadLetters, auditSeal,
		jobOverdue, jobFailed, verifyResult, reconcileResult,
		schemaVersion, schemaDrift,
		barSeams,
		dashboardUsers,
	} {
		list = append(list, check(t))
	}

	return list
}

// ReplicaChecks returns the checks that are useful on a replica too: those of its own sessions and of its lag.
func ReplicaChecks(checks []Check) (list []Check) {
	for _, check := range checks {
		if check.Area == "sessions" || check.Area == "replication" {
			list = append(list, check)
		}
	}
	return list
}
