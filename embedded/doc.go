// Package embedded runs a PostgreSQL of blotter's own, for the demo, for tests and for a book on one machine: it finds
// the programs (or downloads them), keeps the data in a folder, listens on a socket in a private folder, and needs no
// configuration and no privileges. As root it runs the server as an unprivileged user.
//
//	server, err := embedded.Start(ctx, embedded.Config{})
//	defer server.Stop()
//	db, err := postgres.Open(ctx, server.Config())
//
// # Life of a data folder
//
//	            Start                        Stop, or the process ends in any way (kill -9 too)
//	stopped ------------> owned by a process -----------------------------------------> stopped
//	   |  ^
//	Up |  | Down
//	   v  |
//	   up: the server outlives the command; any number of processes Attach
//
// A folder has one owner at a time, by a lock that the kernel drops when its holder dies. An owned server is stopped by
// a watchdog, a shell that waits on a pipe from the owner. Should both be killed at once, the next Start stops what
// they left. A server that was killed itself recovers from its write-ahead log when it starts.
//
// Redis: StartRedis gives the one of REDIS_URL or a stand-in inside the process; StartRedisServer runs a redis-server, which
// tests kill and start again.
//
// The programs that connect do so as the logins blotter_app, blotter_service, blotter_readonly, blotter_reporter and
// blotter_owner, each a member of one role, or as blotter_all, which is a member of the first four. None is a superuser.
package embedded
