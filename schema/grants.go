package schema

import "strings"

// SecurityDefiners lists the functions of the schema that act as their owner, each with the types of its arguments.
func SecurityDefiners() []string {
	var names []string
	for _, line := range expectedLines() {
		object, description, _ := strings.Cut(line, ": ")
		name, isFunction := strings.CutPrefix(object, "function ")
		if isFunction && strings.HasPrefix(description, "security definer ") {
			names = append(names, name)
		}
	}
	return names
}

// Grants returns what the migrations grant on each object ("table execution.trades", "schema events"), each grant as
// "role=privilege" in lower case.
func Grants() map[string][]string {
	grants := map[string][]string{}
	for _, line := range expectedLines() {
		object, description, _ := strings.Cut(line, ": ")
		object, isGrant := strings.CutPrefix(object, "grants on ")
		if !isGrant {
			continue
		}

		for _, grant := range strings.Fields(description) {
			role, privileges, _ := strings.Cut(grant, "=")
			for _, privilege := range strings.Split(privileges, ",") {
				grants[object] = append(grants[object], role+"="+privilege)
			}
		}
	}
	return grants
}
