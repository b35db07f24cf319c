// Package embedded runs a private PostgreSQL server, for the demo, for tests and for a book on one machine. It finds
// the programs or downloads them, keeps the data in one folder, listens on a socket in a private folder, and needs
// neither configuration nor privileges. If it is run by root, the server runs as an unprivileged user.
//
//	server, err := embedded.Start(ctx, embedded.Config{})
//	defer server.Stop()
//	db, err := postgres.Open(ctx, server.Config())
//
// # Life of a data folder
//
//	            Start                        Stop, or the process ends in any way (even by kill -9)
//	stopped ------------> owned by a process -----------------------------------------> stopped
//	   |  ^
//	Up |  | Down
//	   v  |
//	   up: the server outlives the command; any number of processes Attach
//
// A folder has one owner at a time, by a lock that the kernel releases when its holder dies. A watchdog, a shell that
// waits on a pipe from the owner, stops the server when the owner ends. If both are killed at once, the next Start
// stops the server. A server that was killed recovers from its write-ahead log when it starts.
//
// # Redis
//
// StartRedis returns the Redis of REDIS_URL or a stand-in inside the process. StartRedisServer runs a redis-server,
// which tests kill and restart.
//
// # Logins
//
// Programs connect as blotter_app, blotter_service, blotter_readonly, blotter_reporter or blotter_owner, each a
// member of one role, or as blotter_all, a member of the first four. None is a superuser.
package embedded
