package libpq

import (
	"cmp"
	"errors"
	"os"
	"path/filepath"
	"strings"
)

// KeySecret hands the password of the URL's private key (sslpassword) to PostgreSQL's programs. libpq has no
// environment variable for it, so it is in a temporary service file, which remove deletes. Env makes a program read
// that file.
func KeySecret(text string) (env []string, remove func(), err error) {
	settings := Settings(text)
	remove = func() {}
	secret := settings.Get("sslpassword")
	switch {
	case secret == "":
		return nil, remove, nil
	case cmp.Or(settings.Get("service"), os.Getenv("PGSERVICE")) != "":
		return nil, remove, errors.New("a URL cannot have both a service and an sslpassword: " +
			"write sslpassword=... into the service's section of the service file")
	case strings.ContainsAny(secret, "\r\n") || strings.TrimSpace(secret) != secret:
		return nil, remove, errors.New("invalid sslpassword: PostgreSQL's programs accept no line breaks in it " +
			"and no spaces around it; choose another password for the key")
	}

	folder, err := os.MkdirTemp("", "blotter-service-") // 0700
	if err != nil {
		return nil, remove, err
	}
	file := filepath.Join(folder, "service.conf")
	if err := os.WriteFile(file, []byte("[blotter]\nsslpassword="+secret+"\n"), 0o600); err != nil {
		_ = os.RemoveAll(folder)
		return nil, remove, err
	}
	return []string{"PGSERVICEFILE=" + file, "PGSERVICE=blotter"}, func() { _ = os.RemoveAll(folder) }, nil
}
