package monitor

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
)

// CheckHost returns a handler that checks the Host header of requests before it calls handler. Without the check, a
// page of any web site could make the browser of its visitor send requests to this address under a name of its own
// (DNS rebinding), and read the answers. Allowed are
//
//   - every IP address, which no name server can redirect, and requests without a name (HTTP/1.0);
//   - localhost and names below it;
//   - the name of this machine by os.Hostname, in full and up to its first dot;
//   - the given names.
//
// Case and port do not matter. Other requests are answered with 421 Misdirected Request and one sentence. A Server
// always checks.
func CheckHost(handler http.Handler, names ...string) http.Handler {
	allowed := map[string]bool{"": true, "localhost": true}
	if machine, err := os.Hostname(); err == nil {
		machine = hostName(machine)
		allowed[machine] = true
		short, _, _ := strings.Cut(machine, ".")
		allowed[short] = true
	}

	for _, name := range names {
		allowed[hostName(name)] = true
	}

	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := hostName(r.Host)
		if allowed[name] || strings.HasSuffix(name, ".localhost") || isAddress(name) {
			handler.ServeHTTP(w, r)
			return
		}

		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.WriteHeader(http.StatusMisdirectedRequest)
		fmt.Fprintf(w, "this service is not known as %q; ask for it by IP address or as localhost, "+
			"or add the name with --http-host NAME of blotter serve\n", name)
	})
}

// hostName returns the name in a Host header in lower case, without the port, the brackets of an IPv6 address, and
// the dot at the end of a name.
func hostName(host string) string {
	if name, port, err := net.SplitHostPort(host); err == nil && strings.Trim(port, "0123456789") == "" {
		host = name
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	return strings.TrimSuffix(strings.ToLower(host), ".")
}

// isAddress reports whether a name is an IP address.
func isAddress(name string) bool {
	_, err := netip.ParseAddr(name)
	return err == nil
}
