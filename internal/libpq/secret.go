package main

import (
	"cmp"
	"errors"
	"os"
	"path/filepath"
	"strings"
)

// keySecret hands the password of a URL's key (sslpassword) to PostgreSQL's programs. They take it from no environment
// variable, and a command line is for everybody to see: it goes by a service file of theirs, which done removes.
func keySecret(text string) (env []string, done func(), err error) {
	words, done := wordsOf(text), func() {}
	secret := words.Get("sslpassword")
	switch {
	case secret == "":
		return nil, done, nil
	case cmp.Or(words.Get("service"), os.Getenv("PGSERVICE")) != "":
		return nil, done, errors.New("a URL cannot name a service and have an sslpassword: write sslpassword=... into the service's section of the service file")
	case strings.ContainsAny(secret, "\r\n") || strings.TrimSpace(secret) != secret:
		return nil, done, errors.New("PostgreSQL's programs take no sslpassword that begins or ends with a space, or has a line break; choose another for the key")
	}
	folder, err := os.MkdirTemp("", "blotter-service-") // 0700
	if err != nil {
		return nil, done, err
	}
	done = func() { _ = os.RemoveAll(folder) }
	file := filepath.Join(folder, "service.conf")
	if err := os.WriteFile(file, []byte("[blotter]\nsslpassword="+secret+"\n"), 0o600); err != nil {
		done()
		return nil, func() {}, err
	}
	return []string{"PGSERVICEFILE=" + file, "PGSERVICE=blotter"}, done, nil
}
