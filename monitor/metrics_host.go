package monitor

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
)

// CheckHost returns handler behind a check of the name that a request asks for (its Host header). A page of any web site
// can have its visitor's browser send requests to this address under a name of its own (DNS rebinding), and read the
// answers; the name gives it away. Allowed are
//
//   - every IP address, which no name server can point elsewhere, and requests without a name (HTTP/1.0);
//   - localhost and names below it;
//   - the name of this machine, as os.Hostname says and up to its first dot;
//   - the names given.
//
// Upper and lower case are the same, and the port does not matter. Other requests are answered with 421 Misdirected Request
// and a sentence. A Server checks by itself.
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

// hostName returns the name of a Host header in lower case, without its port, the brackets of an IPv6 address, and the dot
// that may end a name.
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
