// Package events reads what left the outbox: in order, each event once, whatever is killed.
//
// Every transaction of the library writes what it did into events.outbox, as its last statements before COMMIT. A consumer
// reads it by a snapshot window: what is visible now and was not when it last looked. Its handler's effects and its cursor
// are one transaction, so whatever dies, an event's effect is there exactly once.
//
//	err := events.Consume(ctx, db, "mailer", func(ctx context.Context, tx *postgres.Tx, list []blotter.Event) error {
//		for _, e := range list {
//			_, err := tx.Exec(ctx, "insert into mails (event_id, body) values ($1, $2)", e.EventID, e.Data)
//			...
//		}
//		return nil
//	})
//
// The guarantee: for one key, if B's write conflicts with A's or begins after A committed, every consumer sees A's events
// before B's; events of one transaction in emit order; one stable order for all consumers; none across keys.
//
// Life of a consumer, any number of which share a name and its work:
//
//	asleep --doorbell, or 2 to 50 ms--> looking --nothing new--> asleep
//	                                       '--lock the cursor--> leading --chunk handled, cursor moved, COMMIT--> looking
//	                                               |                '-- the handler fails --> bisecting --> the event is dead,
//	                                               |                                          its key parked, the rest flows
//	                                               '-- somebody else has it --> asleep
//
// Why nothing is lost or doubled: in one server's snapshots visibility only grows, and a transaction ends once. So every
// committed event is in exactly one window, and what belongs to a window does not change once its target is fixed. A
// transaction that is open for long delays its own events only. Package chaos kills everything to show it.
//
// The Relay is a consumer whose effect is in Redis, where no transaction reaches: it numbers what it publishes, and a script
// appends only what follows the last number. Subscribe reads that without a gap; Publish lets other services take part;
// Follow shows the outbox as it grows.
//
// Nothing here reads from a replica: there transactions become visible in another order.
package events
