// Package events reads the outbox: in order, each event once, whatever is killed.
//
// Every transaction of the library writes its events into events.outbox, as its last statements before COMMIT. A
// consumer reads them by a snapshot window: what is visible now and was not when it last looked. The effects of its
// handler and its cursor are in one transaction, so the effect of an event is there exactly once, whatever is killed.
//
//	err := events.Consume(ctx, db, "mailer", func(ctx context.Context, tx *postgres.Tx, list []blotter.Event) error {
//		for _, e := range list {
//			_, err := tx.Exec(ctx, "insert into mails (event_id, body) values ($1, $2)", e.EventID, e.Data)
//			...
//		}
//		return nil
//	})
//
// The guarantee: for one key, if the write of B conflicts with that of A or begins after A was committed, every
// consumer sees the events of A before those of B. Events of one transaction come in the order in which they were
// emitted. All consumers see the same order. There is no order across keys.
//
// The life of a consumer, whose name and work any number of instances share:
//
//	idle --doorbell, or 2 to 50 ms--> probing --nothing new--> idle
//	                                     '--cursor locked--> leading --chunk handled, cursor moved, COMMIT--> probing
//	                                             |               '--handler fails--> bisecting --> dead letter, its
//	                                             |                                                 key parked,
//	                                             '-- another instance leads --> idle               others go on
//
// Nothing is lost or doubled because in the snapshots of one server visibility only grows, and a transaction ends once.
// So every committed event is in exactly one window, and a window does not change once its target is chosen. A
// transaction that is open for long delays only its own events. Package chaos kills everything to test this.
//
// The Relay is a consumer whose effect is in Redis, outside of the transaction: it numbers what it publishes, and a
// script appends only what follows the last number. Subscribe reads the streams of Redis without a gap, Publish lets
// other services take part, and Follow shows the outbox as it grows.
//
// Nothing here reads from a replica, where transactions become visible in another order.
package events
