// Package bench does the same work with blotter and with its peers, side by side in one run, and reports ratios:
// machines differ and are shared, ratios stay.
//
//	cd bench && go test -run "^$" -bench . -benchtime 1x
//
// Each benchmark runs its variants in interleaved rounds and compares the medians. It is a module of its own, so that
// blotter does not depend on the peers.
package bench
