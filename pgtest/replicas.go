//go:build unix

package pgtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/blotterdb/blotter/embedded"
	"github.com/blotterdb/blotter/internal/ramdisk"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
)

// Cluster is a primary and its streaming replicas, each a server of its own.
type Cluster struct {
	Primary  *Node
	Replicas []*Node
}

// Node is one server of a Cluster. The functions of Database that take a testing.TB work on it: they act on this
// server. Every URL of a node leads through its link, which Cut cuts, and stays the same when the server is started
// again.
type Node struct {
	*Database

	Label string // "primary", "replica1", "replica2", ...

	dir    string // of the link's socket, which all URLs name
	dirs   string // in which the server's data folders are made
	server *embedded.Server
	link   *nodeLink
	killed string // data of a killed server; "" while it runs
}

// nodeTimeout bounds each thing that a node is asked to do.
const nodeTimeout = time.Minute

// Replicas starts a primary, which holds a migrated and empty database, and n replicas that stream from it. Replication
// is asynchronous until Synchronous is called. The servers end with the test, or with the process, however that ends.
//
// It always starts servers of its own, also where BLOTTER_TEST_URL names another one. The first call of a test binary
// takes as long as Open's first; later ones take a second. The servers do not flush their files, so that a killed
// server loses nothing, and a crash of the machine loses all.
func Replicas(t testing.TB, n int) *Cluster {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), createTimeout)
	defer cancel()

	cluster := &Cluster{Primary: newNode(t, "primary")}
	for i := range n {
		cluster.Replicas = append(cluster.Replicas, newNode(t, fmt.Sprintf("replica%d", i+1)))
	}

	var starting sync.WaitGroup
	nodes := cluster.Nodes()
	failures := make([]error, len(nodes))
	for i, node := range nodes {
		starting.Go(func() {
			upstream := cluster.Primary
			if node == upstream {
				upstream = nil
			}
			failures[i] = node.launchCopy(ctx, upstream)
		})
	}
	starting.Wait()
	if err := errors.Join(failures...); err != nil {
		t.Fatalf("pgtest: starting replicas: %v", err)
	}

	for _, replica := range cluster.Replicas {
		cluster.Primary.CatchUp(t, replica)
	}
	return cluster
}

// Nodes returns the primary and then the replicas.
func (c *Cluster) Nodes() []*Node {
	return append([]*Node{c.Primary}, c.Replicas...)
}

// URL returns a URL that names several nodes, in this order, for a login ("app", "service", "readonly", "reporter",
// "owner" or "admin"). sessionAttrs is its target_session_attrs; "" leaves that out.
func (c *Cluster) URL(login, sessionAttrs string, nodes ...*Node) string {
	var hosts, ports []string
	for _, node := range nodes {
		hosts = append(hosts, node.dir)
		ports = append(ports, fmt.Sprint(nodePort))
	}

	query := url.Values{"host": {strings.Join(hosts, ",")}, "port": {strings.Join(ports, ",")}}
	if sessionAttrs != "" {
		query.Set("target_session_attrs", sessionAttrs)
	}
	return fmt.Sprintf("postgres://blotter_%s@/%s?%s", login, embedded.Database, query.Encode())
}

// nodePort is the number in the name of every link's socket.
const nodePort = 5432

func newNode(t testing.TB, label string) *Node {
	t.Helper()
	dirs, err := os.MkdirTemp(ramdisk.Folder(), "node") // short: the path of a socket has at most 107 bytes
	if err != nil {
		t.Fatalf("pgtest: a folder for a node: %v", err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dirs) })
	if err := os.Chmod(dirs, 0o755); err != nil { // as root, the server is another user's
		t.Fatalf("pgtest: a folder for a node: %v", err)
	}

	n := &Node{Label: label, dir: filepath.Join(dirs, "link"), dirs: dirs}
	if err := os.Mkdir(n.dir, 0o755); err != nil {
		t.Fatalf("pgtest: a folder for a node: %v", err)
	}
	if n.link, err = newNodeLink(n.dir); err != nil {
		t.Fatalf("pgtest: the link to a node: %v", err)
	}
	t.Cleanup(n.link.close)
	t.Cleanup(n.stop)

	alone := (&Cluster{}).URL
	n.Database = &Database{
		Name: embedded.Database, OwnerURL: alone("owner", "", n), AdminURL: alone("admin", "", n),
		Config: postgres.Config{
			URL: alone("app", "", n), ServiceURL: alone("service", "", n),
			ReadOnlyURL: alone("readonly", "", n), ReporterURL: alone("reporter", "", n),
			Logger: slog.New(slog.DiscardHandler),
		},
	}
	return n
}

// Open opens the node's database with the logins of production, as DB of the node, until the test ends.
func (n *Node) Open(t testing.TB) *postgres.DB {
	t.Helper()
	db, err := postgres.Open(t.Context(), n.Config)
	if err != nil {
		t.Fatalf("pgtest: opening the database of %s: %v", n.Label, err)
	}
	t.Cleanup(db.Close)
	n.DB = db
	return db
}

// Pause stops the replica from replaying what it receives, which it goes on to receive and to keep.
func (n *Node) Pause(t testing.TB) {
	t.Helper()
	n.Exec(t, "select pg_wal_replay_pause()")
	n.until(t, "pauses", "select pg_get_wal_replay_pause_state() = 'paused'")
}

// Resume lets a paused replica replay again.
func (n *Node) Resume(t testing.TB) {
	t.Helper()
	n.Exec(t, "select pg_wal_replay_resume()")
}

// Delay has the replica replay every commit that much later than it happened; 0 ends that.
func (n *Node) Delay(t testing.TB, delay time.Duration) {
	t.Helper()
	n.set(t, "recovery_min_apply_delay", fmt.Sprintf("%dms", delay.Milliseconds()))
}

// Promote makes the replica a primary, with all that it has received, also where it was paused; see Detach. Other
// replicas go on following the old primary until Follow.
func (n *Node) Promote(t testing.TB) {
	t.Helper()
	n.Exec(t, "select pg_promote(true, 60)")
	n.until(t, "is promoted", "select not pg_is_in_recovery()")
}

// Follow has a replica stream from another node. One that has what that node lacks cannot.
func (n *Node) Follow(t testing.TB, upstream *Node) {
	t.Helper()
	n.set(t, "primary_conninfo", n.follows(upstream))
}

// Detach stops the replica from receiving: what the primary commits from now on is lost where the replica is promoted.
// Follow ends that.
func (n *Node) Detach(t testing.TB) {
	t.Helper()
	n.set(t, "primary_conninfo", "")
	n.until(t, "no longer receives", "select not exists (select from pg_stat_wal_receiver)")
}

// Synchronous makes commits on this primary wait for all of the replicas, by the setting synchronous_standby_names;
// without replicas they no longer wait. It returns when the replicas are connected.
func (n *Node) Synchronous(t testing.TB, replicas ...*Node) {
	t.Helper()
	var labels []string
	for _, replica := range replicas {
		labels = append(labels, replica.Label)
	}

	names := ""
	if len(labels) > 0 {
		names = fmt.Sprintf("FIRST %d (%s)", len(labels), strings.Join(labels, ", "))
	}
	n.set(t, "synchronous_standby_names", names)
	n.until(t, "has its synchronous replicas",
		fmt.Sprintf("select count(*) = %d from pg_stat_replication where sync_state = 'sync' and state = 'streaming'",
			len(labels)))
}

// CatchUp waits until the replica has replayed what is committed on this primary now.
func (n *Node) CatchUp(t testing.TB, replica *Node) {
	t.Helper()
	position := Value[string](t, n.Database, "select pg_current_wal_insert_lsn()::text")
	replica.until(t, "catches up", fmt.Sprintf("select pg_last_wal_replay_lsn() >= '%s'::pg_lsn", position))
}

// Cut closes every link to the node and refuses new ones, those of its replicas too, until Join.
func (n *Node) Cut() { n.link.cut() }

// Join ends Cut.
func (n *Node) Join() { n.link.join() }

// Kill ends the server by SIGKILL. Nothing that it committed is lost to Start.
func (n *Node) Kill(t testing.TB) {
	t.Helper()
	n.end(t, syscall.SIGKILL)
}

// Stop ends the server as an operator does (a fast shutdown).
func (n *Node) Stop(t testing.TB) {
	t.Helper()
	n.end(t, syscall.SIGINT)
}

// Start starts a server that was killed or stopped again, on the data that it had.
func (n *Node) Start(t testing.TB) {
	t.Helper()
	if n.killed == "" {
		t.Fatalf("pgtest: %s runs already", n.Label)
	}
	ctx, cancel := context.WithTimeout(t.Context(), createTimeout)
	defer cancel()

	data, err := n.dataDir()
	if err == nil {
		err = os.Rename(n.killed, filepath.Join(data, "pg"))
	}
	if err == nil {
		err = n.launch(ctx, data)
	}
	if err != nil {
		t.Fatalf("pgtest: starting %s again: %v", n.Label, err)
	}
	n.killed = ""
}

// end signals the server and waits until it is gone. Its data are kept outside of its folder, which goes with it.
func (n *Node) end(t testing.TB, signal syscall.Signal) {
	t.Helper()
	data := filepath.Join(n.server.DataDir, "pg")
	kept := filepath.Join(n.dirs, "kept")
	if err := endServer(n.server.PID, data, signal); err != nil {
		t.Fatalf("pgtest: ending %s: %v", n.Label, err)
	}
	if err := os.Rename(data, kept); err != nil {
		t.Fatalf("pgtest: keeping the data of %s: %v", n.Label, err)
	}
	n.killed = kept
	n.stop()
}

// stop ends what is left of the server.
func (n *Node) stop() {
	if n.server != nil {
		_ = n.server.Stop()
		n.server = nil
	}
}

// set changes a setting of the server, which is in effect when set returns.
func (n *Node) set(t testing.TB, name, value string) {
	t.Helper()
	literal := "'" + strings.ReplaceAll(value, "'", "''") + "'"
	n.Exec(t, "alter system set "+name+" = "+literal)
	n.Exec(t, "select pg_reload_conf()")
	n.until(t, "takes the setting "+name,
		fmt.Sprintf("select setting = %s or setting::text || coalesce(unit, '') = %[1]s from pg_settings where "+
			"name = '%s'", literal, name))
}

// until waits until a query on the node is true.
func (n *Node) until(t testing.TB, what, sql string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), nodeTimeout)
	defer cancel()
	conn, err := pgx.Connect(ctx, n.AdminURL)
	if err != nil {
		t.Fatalf("pgtest: waiting until %s %s: %v", n.Label, what, err)
	}
	defer conn.Close(context.WithoutCancel(ctx))

	for {
		var done bool
		if err := conn.QueryRow(ctx, sql).Scan(&done); err != nil {
			t.Fatalf("pgtest: waiting until %s %s: %v", n.Label, what, err)
		}
		if done {
			return
		}
		time.Sleep(nodePoll)
	}
}

// nodePoll is how long until and endServer pause between two looks.
const nodePoll = 5 * time.Millisecond

// follows is the connection string by which the node streams from another.
func (n *Node) follows(upstream *Node) string {
	return fmt.Sprintf("host=%s port=%d user=blotter_admin application_name=%s", upstream.dir, nodePort, n.Label)
}

// dataDir makes an empty data folder.
func (n *Node) dataDir() (string, error) {
	data, err := os.MkdirTemp(n.dirs, "data")
	if err != nil {
		return "", err
	}
	return data, nil
}

// nodeSettings are those of every node besides embedded's. A replica asks again at once where its primary is gone.
const nodeSettings = `
shared_buffers = '32MB'
wal_keep_size = '1GB'
wal_retrieve_retry_interval = '20ms'
cluster_name = '%s'
`

// launchCopy starts the node on a copy of the prepared cluster, the same for primary and replicas; upstream is nil for
// the primary.
func (n *Node) launchCopy(ctx context.Context, upstream *Node) error {
	data, err := n.dataDir()
	if err != nil {
		return err
	}
	if err := copyCluster(ctx, migratedCluster, data); err != nil {
		return err
	}
	pgData := filepath.Join(data, "pg")
	if err := appendTo(filepath.Join(pgData, "pg_hba.conf"), "local replication all trust\n"); err != nil {
		return err
	}

	settings := fmt.Sprintf(nodeSettings, n.Label)
	if upstream != nil {
		settings += "primary_conninfo = '" + n.follows(upstream) + "'\n"
		if err := writeAs(pgData, filepath.Join(pgData, "standby.signal"), ""); err != nil {
			return err
		}
	}
	if err := writeAs(pgData, filepath.Join(pgData, "postgresql.auto.conf"), settings); err != nil {
		return err
	}
	return n.launch(ctx, data)
}

// launch starts the server of a data folder and leads the link there.
func (n *Node) launch(ctx context.Context, data string) error {
	server, err := embedded.Start(ctx, embedded.Config{
		DataDir: data, Temporary: true, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return fmt.Errorf("%s: %w", n.Label, err)
	}
	n.server = server
	n.link.lead(filepath.Join(server.SocketDir, fmt.Sprintf(".s.PGSQL.%d", nodePort)))
	return nil
}

func appendTo(path, text string) error {
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = file.WriteString(text)
	return errors.Join(err, file.Close())
}

// writeAs writes a file that belongs to the owner of another one.
func writeAs(like, path, text string) error {
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return err
	}
	info, err := os.Stat(like)
	if err != nil {
		return err
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && os.Getuid() == 0 {
		return os.Chown(path, int(stat.Uid), int(stat.Gid))
	}
	return nil
}

// endServer signals a server and waits until nothing of it works in its data folder.
func endServer(pid int, data string, signal syscall.Signal) error {
	if err := syscall.Kill(pid, signal); err != nil {
		return err
	}

	for deadline := time.Now().Add(nodeTimeout); ; time.Sleep(nodePoll) {
		if !worksIn(data) && syscall.Kill(pid, 0) != nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("process %d does not end", pid)
		}
	}
}

// worksIn reports whether a process has the folder as its working directory, as every process of a server has. Where
// the system does not tell (it is not Linux), the server's own process counts alone.
func worksIn(folder string) bool {
	links, _ := filepath.Glob("/proc/[0-9]*/cwd")
	return slices.ContainsFunc(links, func(link string) bool {
		cwd, err := os.Readlink(link)
		return err == nil && cwd == folder
	})
}

// nodeLink passes clients on to a server, wherever that listens now.
type nodeLink struct {
	listener net.Listener

	mu     sync.Mutex
	target string // path of the server's socket; "" before it was started
	broken bool
	conns  map[net.Conn]struct{}
	served sync.WaitGroup
}

func newNodeLink(dir string) (*nodeLink, error) {
	path := filepath.Join(dir, fmt.Sprintf(".s.PGSQL.%d", nodePort))
	listener, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o777); err != nil { // replicas of another user come through it
		_ = listener.Close()
		return nil, err
	}

	l := &nodeLink{listener: listener, conns: map[net.Conn]struct{}{}}
	l.served.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			l.served.Go(func() { l.serve(client) })
		}
	})
	return l, nil
}

// serve passes on what client and server say until one of them ends.
func (l *nodeLink) serve(client net.Conn) {
	defer client.Close()
	target, ok := l.enter(client)
	if !ok {
		return
	}
	defer l.leave(client)

	server, err := net.Dial("unix", target)
	if err != nil {
		return
	}
	defer server.Close()

	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = io.Copy(client, server)
		_ = client.Close()
	}()
	_, _ = io.Copy(server, client)
	_ = server.Close()
	<-ended
}

// enter notes a client's connection, so that cut can close it. It is false where there is nowhere to lead it.
func (l *nodeLink) enter(client net.Conn) (target string, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.broken || l.target == "" {
		return "", false
	}
	l.conns[client] = struct{}{}
	return l.target, true
}

func (l *nodeLink) leave(client net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.conns, client)
}

func (l *nodeLink) lead(target string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.target = target
}

func (l *nodeLink) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.broken = true
	for client := range l.conns {
		_ = client.Close()
	}
}

func (l *nodeLink) join() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.broken = false
}

func (l *nodeLink) close() {
	_ = l.listener.Close()
	l.cut()
	l.served.Wait()
}
