package monitor

import (
	"context"
	"fmt"

	"github.com/blotterdb/blotter/postgres"
	"github.com/blotterdb/blotter/schema"
)

const sqlVersion = `select coalesce(max(version_id) filter (where is_applied), 0) from shared.schema_version`

// schemaVersion finds a schema that is older or newer than this program: somebody migrated it while this program ran.
func schemaVersion(Thresholds) Check {
	type row struct{ Version int64 }
	return find("schema", "schema_version", sqlVersion, func(r row) Finding {
		want := schema.Version()
		f := Finding{Subject: "schema", Message: fmt.Sprintf("it is version %d and this program works with %d", r.Version, want)}
		switch {
		case r.Version < want:
			f.Severity, f.Remedy = Critical, "Run blotter migrate up."
		case r.Version > want:
			f.Severity, f.Remedy = Critical, "Install the blotter that migrated it, and start this program again."
		}
		return f
	})
}

// driftMost is how many differences of the schema are listed one by one.
const driftMost = 10

// schemaDrift finds objects of the schema that are not as the migrations made them.
func schemaDrift(Thresholds) Check {
	return Check{Name: "schema_drift", Area: "schema", Run: func(ctx context.Context, q postgres.Querier) (findings []Finding, err error) {
		drift, err := schema.Drift(ctx, q)
		for i, difference := range drift {
			f := Finding{
				Severity: Warning, Subject: "schema", Message: difference,
				Remedy: "Undo by hand what was changed by hand; blotter migrate verify lists all of it.",
			}
			if i == driftMost {
				f.Message = fmt.Sprintf("and %d differences more", len(drift)-driftMost)
			}
			if i <= driftMost {
				findings = append(findings, f)
			}
		}
		return findings, err
	}}
}
