package monitor

// Checks are all checks of a database, in the order in which they are shown. Those of the activity compare with their
// last run, so a daemon makes them once and keeps them.
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
	} {
		list = append(list, check(t))
	}
	return list
}

// OfReplica are the checks that say something on a replica which they do not say on its primary: of its own sessions, and
// of how far it is behind.
func OfReplica(checks []Check) (list []Check) {
	for _, check := range checks {
		if check.Area == "sessions" || check.Area == "replication" {
			list = append(list, check)
		}
	}
	return list
}
