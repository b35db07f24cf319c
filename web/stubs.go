package web

import (
	"io"

	"github.com/blotterdb/blotter/postgres"
)

func (d *Dashboard) performance(r *request) (*view, error) {
	return (&page{Title: "Performance"}).show(), nil
}

func (d *Dashboard) market(r *request) (*view, error) {
	return (&page{Title: "Market data"}).show(), nil
}

func (d *Dashboard) symbol(r *request) (*view, error) { return (&page{Title: "Symbol"}).show(), nil }

func (d *Dashboard) pipeline(r *request) (*view, error) {
	return (&page{Title: "Pipeline"}).show(), nil
}

func (d *Dashboard) database(r *request) (*view, error) {
	return (&page{Title: "Database"}).show(), nil
}

func (d *Dashboard) audit(r *request) (*view, error) { return (&page{Title: "Audit"}).show(), nil }

func (d *Dashboard) search(r *request) (*view, error)             { return (&page{Title: "Search"}).show(), nil }
func auditCSV(r *request, s *postgres.Session, w io.Writer) error { return nil }
