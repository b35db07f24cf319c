package monitor

import (
	"context"
	"fmt"

	"github.com/blotterdb/blotter/postgres"
	"github.com/blotterdb/blotter/schema"
)

const sqlVersion = `select coalesce(max(version_id) filter (where is_applied), 0) from shared.schema_version`

// schemaVersion finds a schema that is older or newer than this program, because it was migrated while the program ran.
func schemaVersion(Thresholds) Check {
	type row struct{ Version int64 }
	return find("schema", "schema_version", sqlVersion, func(r row) Finding {
		want := schema.Version()
		if r.Version == want {
			return Finding{}
		}

		f := Finding{
			Severity: Critical, Subject: "schema",
			Message: fmt.Sprintf("the schema has version %d, and this program needs %d", r.Version, want),
			Remedy:  "Run blotter migrate up.",
		}

		if r.Version > want {
			f.Remedy = "Install the version of blotter that migrated it, and restart this program."
		}

		return f
	})
}

// driftMax is the maximum number of differences that are listed one by one.
const driftMax = 10

// schemaDrift finds objects of the schema that differ from the migrations.
func schemaDrift(Thresholds) Check {
	return Check{
		Name: "schema_drift", Area: "schema",
		Run: func(ctx context.Context, q postgres.Querier) (findings []Finding, err error) {
			drift, err := schema.Drift(ctx, q)
			for i, difference := range drift {
				f := Finding{
					Severity: Warning, Subject: "schema", Message: difference,
					Remedy: "Undo the manual change; blotter migrate verify lists all differences.",
				}
				if i == driftMax {
					f.Message = fmt.Sprintf("and %d more differences", len(drift)-driftMax)
				}
				if i <= driftMax {
					findings = append(findings, f)
				}
			}

			return findings, err
		},
	}
}
