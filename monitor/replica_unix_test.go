//go:build unix

package monitor_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/blotterdb/blotter/embedded"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
)

// startReplica creates a physical replica of the server and runs it until the test ends. It returns a connection of
// the checks' role, and one of a superuser.
func startReplica(t *testing.T, primary embedded.State) (reporter, operator *pgx.Conn) {
	t.Helper()

	source, dir := filepath.Join(primary.DataDir, "pg"), tempDir(t)
	info, err := os.Stat(source)
	if err != nil {
		t.Fatal(err)
	}

	owner := info.Sys().(*syscall.Stat_t)
	replicate(t, primary, source, dir)
	for _, path := range []string{"", "pg/backup_label", "pg/standby.signal"} {
		if err := os.Chown(filepath.Join(dir, path), int(owner.Uid), int(owner.Gid)); err != nil {
			t.Fatal(err)
		}
	}

	address, err := pgx.ParseConfig(primary.AdminURL(embedded.Database))
	if err != nil {
		t.Fatal(err)
	}

	cmd := exec.Command(filepath.Join(primary.BinDir, "postgres"), "-D", filepath.Join(dir, "pg"),
		"-c", "listen_addresses=", "-c", "unix_socket_directories="+dir, "-c", "port=5432", "-c",
		"max_connections=250", "-c", "fsync=off", "-c", "primary_slot_name=replica",
		"-c", fmt.Sprintf("primary_conninfo=host=%s port=%d user=%s", address.Host, address.Port, address.User))

	cmd.Dir = "/"
	if os.Getuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: owner.Uid, Gid: owner.Gid}}
	}

	var log bytes.Buffer
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGQUIT)
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("the replica's log:\n%s", &log)
		}
	})

	url := fmt.Sprintf("postgres:///%s?host=%s&port=5432&user=", embedded.Database, dir)
	until(t, "the replica answers", func() bool {
		reporter, err = postgres.ConnectReporter(t.Context(), url+"blotter_reporter", "test")
		return err == nil
	})

	if operator, err = pgx.Connect(t.Context(), url+address.User); err != nil {
		t.Fatal(err)
	}

	return reporter, operator
}

// replicate copies the data of a running server, and lets replicas connect to it.
func replicate(t *testing.T, primary embedded.State, source, dir string) {
	t.Helper()

	conn, err := pgx.Connect(t.Context(), primary.AdminURL(embedded.Database))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())

	hba, err := os.OpenFile(filepath.Join(source, "pg_hba.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err == nil {
		_, err = hba.WriteString("local replication all trust\n")
	}

	if err == nil {
		err = hba.Close()
	}
	if err == nil {
		_, err = conn.Exec(t.Context(), "select pg_reload_conf(), pg_create_physical_replication_slot('replica', "+
			"true), pg_backup_start('replica', true)")
	}

	target := filepath.Join(dir, "pg")
	if err == nil {
		err = exec.Command("cp", "-a", source, target).Run()
	}

	var label string
	if err == nil {
		err = conn.QueryRow(t.Context(), "select labelfile from pg_backup_stop()").Scan(&label)
	}

	if err == nil {
		err = os.Remove(filepath.Join(target, "postmaster.pid"))
	}

	for name, text := range map[string]string{"backup_label": label, "standby.signal": ""} {
		if err == nil {
			err = os.WriteFile(filepath.Join(target, name), []byte(text), 0o644)
		}
	}

	if err != nil {
		t.Fatal(err)
	}
}
