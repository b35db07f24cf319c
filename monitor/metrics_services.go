package monitor

import "github.com/prometheus/client_golang/prometheus"

// service counts the errors of one service, of all kinds, for alerts. It exposes zeros too: a series that begins with
// the first error would hide it, because Prometheus sees a counter grow but not begin.
type service struct {
	calls                  int64
	errors, waits, connect [len(kinds)]int64
}

// servicesOf returns the services that have called, waited or connected, as each does when its DB is opened.
func servicesOf(readings []reading) map[string]*service {
	found := map[string]*service{}
	for _, r := range readings {
		s := found[r.service]
		if s == nil {
			s = &service{}
			found[r.service] = s
		}
		s.add(&r)
	}

	return found
}

func (s *service) add(r *reading) {
	errors := &s.errors
	switch r.name {
	case waitOperation:
		errors = &s.waits
	case connect:
		errors = &s.connect
	default:
		s.calls += r.Calls
	}

	for i, n := range r.errors {
		errors[i] += n
	}
}

func (s *service) collect(ch chan<- prometheus.Metric, name string) {
	ch <- prometheus.MustNewConstMetric(descCalls, prometheus.CounterValue, float64(s.calls), name)
	for i, kind := range kindLabels {
		ch <- prometheus.MustNewConstMetric(descErrors, prometheus.CounterValue, float64(s.errors[i]), name, kind)
		ch <- prometheus.MustNewConstMetric(descPoolErrors, prometheus.CounterValue, float64(s.waits[i]), name, kind)
		ch <- prometheus.MustNewConstMetric(descConnectErrors, prometheus.CounterValue, float64(s.connect[i]), name,
			kind)
	}
}
